/**
 * Returns whether a route or path matches a pattern, segment by segment: `/users/:id` matches `/users/7` and the route
 * template `/users/:user`, and `/static/*` matches `/static` and everything below it.
 *
 * The pattern does not become a regular expression, so that no path can make matching slow.
 */
export function matchesRoute(pattern: string, route: unknown): boolean {
  if (typeof route !== 'string') return false;
  const expected = segments(pattern);
  const actual = segments(route);
  for (const [i, segment] of expected.entries()) {
    if (segment === '*' && i === expected.length - 1) return actual.length >= i;
    if (i >= actual.length || (segment !== actual[i] && !segment.startsWith(':') && segment !== '*'))
      return false;
  }
  return actual.length === expected.length;
}

function segments(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}
