import type { SecretNames } from './secret-names.ts';
import { withoutUserinfo } from './userinfo.ts';

const MARK = /([;?#])/;
const ESCAPE = /%(2[1-9a-f]|3[a-f]|40)/gi;
/** How often a value may be encoded within a value. */
const MAX_DEPTH = 3;

/**
 * Returns `name=value&name=value` with `REDACTED` for the values of secrets; names, order and separators stay.
 *
 * Besides `&`, a semicolon, a question mark and a number sign begin a parameter where a name and an equals sign follow. A
 * value that hides a secret behind percent signs, such as a URL to return to, is redacted whole. Linear.
 *
 * @param onSecret Called with each redacted value, as written. Default: does nothing.
 */
export function withoutSecretParameters(
  parameters: string,
  names: SecretNames,
  onSecret: (value: string) => void = () => {},
  depth = 0,
): string {
  const redacted = (parameter: string): string => {
    const value = parameter.indexOf('=') + 1;
    // "a:b@c" before an equals sign, or without one, is only a name.
    const bare = `${withoutUserinfo(parameter.slice(0, value), false)}${withoutUserinfo(parameter.slice(value), value > 0)}`;
    const parts = bare.split(MARK);
    let seen = '';
    let secret: string | undefined;
    for (let at = 0; at < parts.length; at += 2) {
      const mark = at === 0 ? '' : (parts[at - 1] as string);
      const part = parts[at] as string;
      const equals = part.indexOf('=');
      if (equals <= 0) {
        if (secret !== undefined) secret += mark + part;
        else seen += mark + (hides(part) ? 'REDACTED' : part);
        continue;
      }
      if (secret !== undefined) onSecret(secret);
      const value = part.slice(equals + 1);
      secret = names.has(part.slice(0, equals)) || hides(value) ? value : undefined;
      seen += mark + (secret === undefined ? part : `${part.slice(0, equals)}=REDACTED`);
    }
    if (secret !== undefined) onSecret(secret);
    return seen;
  };

  /** Whether percent signs hide something that would be redacted without them. */
  const hides = (value: string): boolean => {
    if (depth === MAX_DEPTH || !value.includes('%')) return false;
    const plain = value.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    return plain !== value && withoutSecretParameters(plain, names, onSecret, depth + 1) !== plain;
  };

  return parameters.split('&').map(redacted).join('&');
}
