/** A piece of a statement. What is not listed (operators, brackets, separators) is a `sign` of one character. */
export interface Token {
  readonly kind: 'space' | 'comment' | 'literal' | 'number' | 'name' | 'word' | 'parameter' | 'sign';
  readonly text: string;
  /** Where the token ends. */
  readonly end: number;
}

/**
 * One token of PostgreSQL, in the order of its own lexer. Each alternative consumes at least one character.
 *
 * @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 */
const TOKEN = new RegExp(
  [
    String.raw`(?<space>[ \t\n\r\f\v]+)`,
    String.raw`(?<comment>--[^\n\r]*)`,
    String.raw`(?<literal>[eE]'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*'|'[^']*(?:''[^']*)*')`,
    `(?<name>"[^"]*(?:""[^"]*)*")`,
    String.raw`(?<number>\.?\d[\w.]*)`,
    String.raw`(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`,
    String.raw`(?<parameter>\$\d+)`,
    String.raw`(?<dollar>\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)`,
    String.raw`(?<nested>/\*)`,
    `(?<sign>[^'"])`,
  ].join('|'),
  'y',
);

/** Servers differ in whether the backslash escapes the quote, by their setting `standard_conforming_strings`. */
const AMBIGUOUS = /^'[\s\S]*\\'/;

/**
 * Returns the tokens of a statement one by one. It returns `false` at a literal or comment that does not end, and at one
 * whose end depends on a setting of the server: what follows cannot be known.
 */
export function* tokensOf(sql: string): Generator<Token, boolean> {
  for (let at = 0; at < sql.length; ) {
    TOKEN.lastIndex = at;
    const groups = TOKEN.exec(sql)?.groups;
    if (groups === undefined) return false;
    let kind = KINDS.find((one) => groups[one] !== undefined);
    let end = TOKEN.lastIndex;
    if (kind === undefined) {
      const { dollar } = groups;
      end = dollar === undefined ? endOfComment(sql, end) : endOfText(sql, dollar, end);
      if (end < 0) return false;
      kind = dollar === undefined ? 'comment' : 'literal';
    }
    const text = sql.slice(at, end);
    if (kind === 'literal' && AMBIGUOUS.test(text)) return false;
    yield { kind, text, end };
    at = end;
  }
  return true;
}

const KINDS = ['space', 'word', 'sign', 'name', 'parameter', 'literal', 'number', 'comment'] as const;

/** Returns the end of a text in dollar quotes, or -1. */
function endOfText(sql: string, quote: string, from: number): number {
  const at = sql.indexOf(quote, from);
  return at < 0 ? -1 : at + quote.length;
}

/** Comments nest. Returns the end of the outermost, or -1. */
function endOfComment(sql: string, from: number): number {
  const edges = /\/\*|\*\//g;
  edges.lastIndex = from;
  let depth = 1;
  for (let edge = edges.exec(sql); edge !== null; edge = edges.exec(sql)) {
    depth += edge[0] === '/*' ? 1 : -1;
    if (depth === 0) return edges.lastIndex;
  }
  return -1;
}
