/** The limits of the specification: members, and bytes with their commas. */
const MAX_MEMBERS = 64;
const MAX_BYTES = 8192;
const MEMBER = /^[\w!#$%&'*+.^`|~-]+[ \t]*=/;

/**
 * The baggage of one call: what the caller put into its headers itself, and of the context's what the caller has no
 * entry for.
 *
 * `undefined`: there is none. The caller's own are kept over any limit, the context's as far as the limits of the
 * specification allow, whole members.
 *
 * @param own Header values as the caller set them; what is no entry in them is left out.
 * @param added As a propagator wrote it.
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
    if (taken.has(keyOf(member)) || members.length >= MAX_MEMBERS || bytes + 1 + member.length > MAX_BYTES)
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
