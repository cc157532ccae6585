import type { LayerMatch, LayerMatcher } from './layer-matcher.ts';

/** Longer mount paths are not probed: each of their characters costs a match. */
const MAX_TEXT = 200;

/**
 * Returns a function that finds the template behind a matcher that does not show its path (Express 5.0 to 5.2).
 *
 * It replaces the characters of a path that matched, one by one. Where the match then fails, the template has that very
 * character; where a parameter changes, the template has the parameter. The result is kept by the names of the parameters, so
 * that no request decides what another one shows. Letters of static words are in lower case if the router accepts both.
 *
 * @example
 * probedTemplate(match)({ path: '/tenants/acme', params: { tenant: 'acme' } }); // '/tenants/:tenant'
 */
export function probedTemplate(matcher: LayerMatcher): (match: LayerMatch) => string {
  // A regular expression accepts some characters and not others, so replacing them shows nothing.
  if (matcher.name === 'regexpMatcher') return () => '/*';
  const templates = new Map<string, string>();
  return ({ path, params }) => {
    const names = Object.keys(params).join('/');
    const known = templates.get(names);
    if (known !== undefined) return known;
    if (path.length > MAX_TEXT) return '/*';
    const template = probe(matcher, path, params);
    templates.set(names, template);
    return template;
  };
}

function probe(matcher: LayerMatcher, path: string, params: LayerMatch['params']): string {
  const units: readonly string[] = path.match(/(?:%[0-9a-f]{2})+|./gis) ?? [];
  let template = '';
  let last: string | undefined;
  for (const [at, unit] of units.entries()) {
    const exchange = (by: string) => matcher(units.with(at, by).join(''));
    // Two, because a value may be either of them, encoded as well.
    const name = changed(exchange('x'), params) ?? changed(exchange('y'), params);
    if (name === undefined) template += staticText(unit, exchange, path);
    else if (name !== last) template += `${Array.isArray(params[name]) ? '*' : ':'}${name}`;
    last = name;
  }
  return template.replace(/\/+$/, '');
}

/** Returns the one parameter that differs now; `undefined` if none does, or several because a separator was replaced. */
function changed(match: false | LayerMatch, params: LayerMatch['params']): string | undefined {
  if (match === false) return undefined;
  const names = Object.keys({ ...params, ...match.params }).filter(
    (name) => JSON.stringify(match.params[name]) !== JSON.stringify(params[name]),
  );
  return names.length === 1 ? names[0] : undefined;
}

function staticText(unit: string, exchange: (by: string) => ReturnType<LayerMatcher>, path: string): string {
  const lower = unit.toLowerCase();
  const other = unit === lower ? unit.toUpperCase() : lower;
  if (other === unit) return unit;
  const match = exchange(other);
  return match !== false && match.path.length === path.length ? lower : unit;
}
