/** The client's side of a request, as a trusted proxy reports it. */
export interface ForwardedRequest {
  readonly scheme?: string | undefined;
  /** Host with port, `example.com:8443`. */
  readonly host?: string | undefined;
  /** IP address without port. */
  readonly clientAddress?: string | undefined;
}

type Headers = { readonly [name: string]: string | string[] | undefined };

/** A longer value is taken for no list of hops. */
const MAX_LENGTH = 2048;

/**
 * Returns what `Forwarded`, or else `X-Forwarded-Proto`, `-Host` and `-For`, say about the first hop.
 *
 * Anyone can send these headers: call it only if every request comes through a proxy that sets them.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7239
 */
export function readForwarded(headers: Headers): ForwardedRequest {
  const forwarded = first(headers.forwarded);
  if (forwarded !== undefined) {
    const pairs = new Map(
      forwarded.split(';').map((pair) => {
        const [name = '', ...value] = pair.split('=');
        return [
          name.trim().toLowerCase(),
          value
            .join('=')
            .trim()
            .replace(/^"(.*)"$/, '$1'),
        ];
      }),
    );
    return {
      scheme: scheme(pairs.get('proto')),
      host: pairs.get('host'),
      clientAddress: address(pairs.get('for')),
    };
  }
  return {
    scheme: scheme(first(headers['x-forwarded-proto'])),
    host: first(headers['x-forwarded-host']),
    clientAddress: address(first(headers['x-forwarded-for'])),
  };
}

/** Returns the first element of a comma-separated list: the hop nearest to the client. */
function first(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value;
  if (text === undefined || text.length > MAX_LENGTH) return undefined;
  return text.split(',', 1)[0]?.trim() || undefined;
}

function scheme(value: string | undefined): string | undefined {
  const lower = value?.toLowerCase();
  return lower === 'http' || lower === 'https' ? lower : undefined;
}

/** `192.0.2.1`, `192.0.2.1:47011`, `[2001:db8::1]:47011`, `2001:db8::1`, or a name such as `_hidden`. */
const NODE = /^(?:\[([\da-f:.%]+)\](?::\w+)?|([\w.-]+)(?::\w+)?|([\da-f:.%]+))$/i;

/** Returns the address without its port, or `undefined` for `unknown`. */
function address(value: string | undefined): string | undefined {
  const match = value !== undefined && value.length <= 64 ? NODE.exec(value) : null;
  const found = match?.[1] ?? match?.[2] ?? match?.[3];
  return found === 'unknown' ? undefined : found;
}
