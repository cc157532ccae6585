/**
 * Returns the path of a request-target, also of an absolute one, without decoding it.
 *
 * @internal Does not follow semantic versioning.
 * @example
 * pathOfTarget('http://host/items/7?x=2'); // '/items/7'
 */
export function pathOfTarget(target = ''): string {
  // Nearly every target is a path already, or one with a query.
  if (target.startsWith('/') && !target.includes('#')) {
    const query = target.indexOf('?');
    return query === -1 ? target : target.slice(0, query);
  }
  return target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '');
}
