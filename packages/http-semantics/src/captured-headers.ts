/** Pairs of header and attribute names for a list that the user gave. */
export function capturedHeaders(
  names: readonly string[] | undefined,
  attribute: (name: string) => string,
): readonly (readonly [string, string])[] {
  return (names ?? []).map((name) => [name.toLowerCase(), attribute(name.toLowerCase())]);
}
