import { type Token, tokensOf } from './tokens.ts';

/** A statement in few words, from its text. */
export interface Summary {
  /** `SELECT orders customers`, at most 255 characters. Absent: the statement has no operation. */
  readonly text: string | undefined;
  /** The only operation. Absent: there are several, or none. */
  readonly operation: string | undefined;
  /** The only table. Absent: there are several, or none. */
  readonly collection: string | undefined;
}

const MAX_LENGTH = 255;
/** Of longer statements, such as inserts of many rows, this much is read. */
const MAX_READ = 4096;

/** Words that begin an operation, also within another: in a common table expression, as a source of rows. */
const OPERATIONS: ReadonlySet<string> = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE']);
/** After these, the word is part of a clause: `FOR UPDATE`, `FOR NO KEY UPDATE`, `ON DELETE`, `DO UPDATE`, `THEN DELETE`. */
const CLAUSES: ReadonlySet<string> = new Set(['FOR', 'KEY', 'ON', 'DO', 'THEN']);
const BEFORE_TABLE: ReadonlySet<string> = new Set(['FROM', 'JOIN', 'INTO', 'UPDATE', 'TABLE']);
const BETWEEN: ReadonlySet<string> = new Set(['ONLY', 'LATERAL', 'IF', 'NOT', 'EXISTS']);
/** They end the list of tables after `FROM`. */
const AFTER_TABLES: ReadonlySet<string> = new Set([
  'WHERE',
  'ON',
  'USING',
  'GROUP',
  'ORDER',
  'LIMIT',
  'SET',
  'RETURNING',
  'VALUES',
  'UNION',
  'WINDOW',
]);

/**
 * Returns the summary of a statement: its operations and the tables that they name, in the order of the text. It is read
 * from the words alone, so an unusual statement may lack a table.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/database/database-spans/#generating-a-summary-of-the-query
 */
export function summaryOf(sql: string): Summary {
  const operations: string[] = [];
  const tables: string[] = [];
  const parts: string[] = [];
  /** For each open bracket: whether an operation in it may name tables, and whether it is within their list. */
  const levels = [{ operates: false, lists: false }];
  const words = wordsOf(sql);
  const defined = expressionsOf(words);
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    const upper = word.toUpperCase();
    const before = words[at - 1]?.toUpperCase() ?? '';
    const level = levels.at(-1) ?? { operates: false, lists: false };
    if (upper === '(') levels.push({ operates: false, lists: false });
    else if (upper === ')' && levels.length > 1) levels.pop();
    else if (isOperation(upper, before, operations)) {
      operations.push(upper);
      parts.push(upper);
      level.operates = true;
    }
    if (upper === 'FROM' && before !== 'DISTINCT') level.lists = level.operates;
    if (AFTER_TABLES.has(upper)) level.lists = false;
    if (!namesTable(upper, before, level)) continue;
    const table = tableAt(words, at + 1);
    if (table === undefined || defined.has(table)) continue;
    if (!tables.includes(table)) tables.push(table);
    parts.push(table);
  }
  const [operation] = operations;
  const sole = operations.length === 1;
  return {
    text: operation === undefined ? undefined : parts.join(' ').slice(0, MAX_LENGTH),
    operation: sole ? operation : undefined,
    collection: sole && tables.length === 1 ? tables[0] : undefined,
  };
}

/** What is neither space nor comment. Parts of a name and its dots are one word. */
function wordsOf(sql: string): string[] {
  const words: string[] = [];
  let last: Token | undefined;
  for (const token of tokensOf(sql.slice(0, MAX_READ))) {
    if (token.kind === 'space' || token.kind === 'comment') continue;
    const joins = token.text === '.' || last?.text === '.';
    if (joins && words.length > 0) words.push(`${words.pop()}${token.text}`);
    else words.push(token.kind === 'literal' ? "''" : token.text);
    last = token;
  }
  return words;
}

/** The names of common table expressions, which are no tables. */
function expressionsOf(words: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  if (words[0]?.toUpperCase() !== 'WITH') return names;
  words.forEach((word, at) => {
    const opens = words[at + 1] === '(' || words[at + 1]?.toUpperCase().endsWith('MATERIALIZED') === true;
    if (word.toUpperCase() === 'AS' && opens) names.add(words[at - 1] ?? '');
  });
  return names;
}

/** The first word of a statement is its operation, except `WITH`. Of what is created, only a query asks for anything. */
function isOperation(word: string, before: string, operations: readonly string[]): boolean {
  if (before === '' || before === ';') return /^[A-Z]+$/.test(word) && word !== 'WITH';
  return OPERATIONS.has(word) && !CLAUSES.has(before) && !(operations[0] === 'CREATE' && word !== 'SELECT');
}

function namesTable(word: string, before: string, level: { operates: boolean; lists: boolean }): boolean {
  if (word === ',') return level.lists;
  if (word === 'FROM') return level.operates && before !== 'DISTINCT';
  if (word === 'UPDATE') return level.operates && !CLAUSES.has(before);
  return level.operates && BEFORE_TABLE.has(word);
}

/** The name at this place; nothing for a function or a query in brackets. */
function tableAt(words: readonly string[], from: number): string | undefined {
  let at = from;
  while (BETWEEN.has(words[at]?.toUpperCase() ?? '')) at++;
  const name = words[at];
  if (name === undefined || !/^["A-Za-z_\u0080-\uffff]/.test(name)) return undefined;
  const takesColumns = /^(INTO|TABLE|EXISTS)$/i.test(words[at - 1] ?? '');
  return words[at + 1] === '(' && !takesColumns ? undefined : name;
}
