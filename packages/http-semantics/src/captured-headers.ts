/** Returns pairs of header and attribute names for the headers that the user listed. */
export function capturedHeaders(
  names: readonly string[] | undefined,
  attribute: (name: string) => string,
): readonly (readonly [string, string])[] {
  return (names ?? []).map((name) => [name.toLowerCase(), attribute(name.toLowerCase())]);
}
