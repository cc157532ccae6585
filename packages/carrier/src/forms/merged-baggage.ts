import { MAX_BAGGAGE_BYTES, MAX_BAGGAGE_MEMBERS } from './baggage-limits.ts';

const MEMBER = /^[\w!#$%&'*+.^`|~-]+[ \t]*=/;

/**
 * Returns the baggage of one call, or `undefined` when there is none: the members that the application put into the
 * headers itself, and those of the context whose keys are not among them.
 *
 * The application's own members are kept over any limit, those of the context as the limits of the specification allow,
 * in whole members.
 *
 * @param own Header values as the application set them; anything in them that is not a member is left out.
 * @param added The value that a propagator wrote.
 * @see https://www.w3.org/TR/baggage/#limits
 */
export function mergedBaggage(
  own: string | string[] | undefined,
  added: string | undefined,
): string | undefined {
  if (own === undefined) return added;
  const members = membersOf([own].flat().join(','));
  if (added === undefined) return members.length === 0 ? undefined : members.join(',');
  if (members.length === 0) return added;
  const taken = new Set(members.map(keyOf));
  let bytes = members.reduce((sum, member) => sum + member.length + 1, -1);
  for (const member of membersOf(added)) {
    if (
      taken.has(keyOf(member)) ||
      members.length >= MAX_BAGGAGE_MEMBERS ||
      bytes + 1 + member.length > MAX_BAGGAGE_BYTES
    )
      continue;
    members.push(member);
    bytes += 1 + member.length;
  }
  return members.join(',');
}

function membersOf(text: string): string[] {
  return text
    .split(',')
    .map((member) => member.trim())
    .filter((member) => MEMBER.test(member));
}

function keyOf(member: string): string {
  return member.slice(0, member.indexOf('=')).trimEnd();
}
