/** A host and its port, in the form of the `server.*` attributes. */
export interface Authority {
  /** Host name or IP address, an IPv6 one without brackets. */
  readonly address: string;
  readonly port: number | undefined;
}

const MAX_LENGTH = 255 + 6;
const HOST_AND_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:@/?#[\]]+))(?::(\d{1,5}))?$/;

/** Kept because services see one or two authorities, thousands of times each. */
let last: { text: string; authority: Authority | undefined } | undefined;

/** Parses the value of `Host` or `:authority`, `example.com:8080`; returns `undefined` for another text. */
export function parseAuthority(text: string): Authority | undefined {
  if (last?.text === text) return last.authority;
  const match = text.length <= MAX_LENGTH ? HOST_AND_PORT.exec(text) : null;
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  const address = match?.[1] ?? match?.[2];
  const authority = address === undefined || (port ?? 0) > 65_535 ? undefined : { address, port };
  last = { text: text.length <= MAX_LENGTH ? text : '', authority };
  return authority;
}
