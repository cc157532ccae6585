import type { LayerMatch, LayerMatcher } from './layer-matcher.ts';
import { probedTemplate } from './probed-template.ts';

/** What Express's routers, in all versions, keep for `use(path, handle)` or a route. */
export interface Layer {
  readonly handle?: unknown;
  readonly name?: string;
  readonly route?: object | undefined;
  /** Express 4. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean; readonly fast_star?: boolean };
  readonly keys?: readonly { readonly name: string | number }[];
  /** Express 5. */
  readonly slash?: boolean;
  readonly matchers?: readonly LayerMatcher[];
  /** Express 5.3: the path as written. */
  readonly rawPath?: unknown;
}

/** A mount path that matched. */
export interface MatchedMount {
  /** The part of the path that it cut off. */
  readonly text: string;
  readonly template: string;
  readonly names: readonly string[];
}

type MountPattern = (path: string) => MatchedMount | undefined;

const patterns = new WeakMap<Layer, MountPattern>();

/**
 * Returns what the mount path of `layer` takes from `path`, as its router would. The template never depends on `path`.
 *
 * @example
 * matchMount(layer, '/tenants/acme/users'); // { text: '/tenants/acme', template: '/tenants/:tenant', names: ['tenant'] }
 */
export function matchMount(layer: Layer, path: string): MatchedMount | undefined {
  let pattern = patterns.get(layer);
  if (pattern === undefined) {
    pattern = mountPattern(layer);
    patterns.set(layer, pattern);
  }
  const matched = pattern(path);
  if (matched === undefined) return undefined;
  const { text } = matched;
  const next = path[text.length];
  // Routers skip a layer whose match ends within a word.
  if (
    !path.startsWith(text) ||
    (text !== '' && text.at(-1) !== '/' && next !== undefined && !'/.'.includes(next))
  )
    return undefined;
  return text.endsWith('/') ? { ...matched, text: text.slice(0, -1) } : matched;
}

const WHOLE: MatchedMount = { text: '', template: '', names: [] };

function mountPattern(layer: Layer): MountPattern {
  const { regexp, matchers } = layer;
  if (layer.slash || regexp?.fast_slash) return () => WHOLE;
  if (regexp?.fast_star) return (text) => ({ text, template: '*', names: ['0'] });
  if (regexp !== undefined) return patternOfRegExp(regexp, layer.keys ?? []);
  return patternOfMatchers(matchers ?? [], layer.rawPath);
}

function patternOfMatchers(matchers: readonly LayerMatcher[], rawPath: unknown): MountPattern {
  const written = Array.isArray(rawPath) ? rawPath : [rawPath];
  const templates = matchers.map((matcher, at) => {
    const path: unknown = written[at];
    if (path === undefined) return probedTemplate(matcher);
    const template = path instanceof RegExp ? String(path) : withoutEndSlash(String(path));
    return () => template;
  });
  return (path) => {
    for (const [at, matcher] of matchers.entries()) {
      const match = tried(matcher, path);
      if (match !== false)
        return {
          text: match.path,
          template: templates[at]?.(match) ?? '',
          names: Object.keys(match.params),
        };
    }
    return undefined;
  };
}

/** A path that cannot be decoded matches nothing; its router has refused it already. */
function tried(matcher: LayerMatcher, path: string): false | LayerMatch {
  try {
    return matcher(path);
  } catch {
    return false;
  }
}

/** Returns the pattern of Express 4, which keeps only the expression. It shows the path that it was made from. */
function patternOfRegExp(regexp: RegExp, keys: readonly { readonly name: string | number }[]): MountPattern {
  const names = keys.map(({ name }) => String(name));
  const left = [...names];
  const alternatives = alternativesOf(regexp.source).map((source) => ({
    expression: new RegExp(source, regexp.flags),
    template: templateOfSource(source, left) ?? `/${source}/`,
  }));
  return (path) => {
    for (const { expression, template } of alternatives) {
      const match = expression.exec(path);
      if (match !== null) return { text: match[0], template, names };
    }
    return undefined;
  };
}

/** Returns the paths of a list, which become `^…|^…`, and before Express 4.20 `(?:^…|^…)`. */
function alternativesOf(source: string): string[] {
  const parts = source.replace(/^\(\?:(\^.*)\)$/s, '$1').split('|^');
  return parts.every((part, at) => GENERATED.test(at === 0 ? part : `^${part}`))
    ? parts.map((part, at) => (at === 0 ? part : `^${part}`))
    : [source];
}

/** The beginning and end of the expressions that `path-to-regexp` 0.1 makes for a mount path. */
const GENERATED = /^\^(.*)\\\/\?\(\?=\\\/\|\$\)$/s;

/** Returns the template, or `undefined` for an expression of the user's own. Groups take their names off the front of `names`. */
function templateOfSource(source: string, names: string[]): string | undefined {
  const body = GENERATED.exec(source)?.[1];
  if (body === undefined) return undefined;
  let template = '';
  for (let at = 0; at < body.length; ) {
    if (body[at] === '(') {
      const end = endOfGroup(body, at);
      const optional = body[end] === '?';
      const { text, named } = templateOfGroup(body.slice(at, end), names);
      template += named && optional ? `${text}?` : text;
      at = named && optional ? end + 1 : end;
    } else {
      const length = body[at] === '\\' ? 2 : 1;
      template += unescaped(body.slice(at, at + length));
      at += length;
    }
  }
  return withoutEndSlash(template);
}

/** Returns the template of a group: a parameter, `*`, or what the user wrote in parentheses. */
function templateOfGroup(group: string, names: string[]): { text: string; named: boolean } {
  const taken = names.splice(0, countOfCaptures(group));
  if (group === '(.*)') return { text: '*', named: false };
  const parameter = /^\(\?:((?:\\?[/.])*)(\(.*)\)$/s.exec(group);
  const [name] = taken;
  if (parameter === null || name === undefined || /^\d/.test(name))
    return { text: unescaped(group.replace('(?:', '(')), named: false };
  const [, before = '', captures = ''] = parameter;
  const end = endOfGroup(captures, 0);
  const own = DEFAULT_CAPTURE.test(captures.slice(0, end)) ? '' : captures.slice(0, end);
  const star = end < captures.length ? '*' : '';
  return { text: `${unescaped(before)}:${name}${own}${star}`, named: true };
}

const DEFAULT_CAPTURE = /^\(\[\^[\\/.]+\]\+\?\)$|^\(\(\?:\(\?!.*\)\.\)\+\?\)$/s;

/** Returns the index after the parenthesis that closes the one at `start`. */
function endOfGroup(text: string, start: number): number {
  let depth = 0;
  let inClass = false;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (inClass) inClass = char !== ']';
    else if (char === '[') inClass = true;
    else if (char === '(') depth++;
    else if (char === ')' && --depth === 0) return at + 1;
  }
  return text.length;
}

function countOfCaptures(group: string): number {
  return group.replace(/\\.|\[(?:\\.|[^\]])*\]/gs, '').match(/\((?!\?)|\(\?<(?![=!])/g)?.length ?? 0;
}

function unescaped(text: string): string {
  return text.replace(/\\([/.])/g, '$1');
}

function withoutEndSlash(path: string): string {
  return path.replace(/\/+$/, '');
}
