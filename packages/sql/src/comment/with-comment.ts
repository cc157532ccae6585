import { tokensOf } from '../statement/tokens.ts';

/** What a comment of an earlier writer looks like. */
const WRITTEN = /\btraceparent\s*=\s*'/;

/**
 * Returns a statement of PostgreSQL with the fields in a comment at its end, before a final semicolon.
 *
 * Names and values are percent-encoded, so that no text in them can end the comment or start another, and none is taken for a
 * placeholder. The statement is returned as it is where there is nothing to write, where it holds a traceparent in a comment
 * already, and where its end is not certain: in a literal that does not end, or with a backslash before its quote.
 *
 * @see https://google.github.io/sqlcommenter/spec/
 * @example
 * withComment('SELECT 1;', { route: '/orders/:id' }); // SELECT 1 /*route='%2Forders%2F%3Aid'*\/;
 */
export function withComment(sql: string, fields: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${encoded(name)}='${encoded(value)}'`],
  );
  if (pairs.length === 0) return sql;
  const end = endOfStatement(sql);
  return end === 0 ? sql : `${sql.slice(0, end)} /*${pairs.sort().join(',')}*/${sql.slice(end)}`;
}

/** Where the last word of a statement ends; 0 if a comment must not be written. */
function endOfStatement(sql: string): number {
  let end = 0;
  const tokens = tokensOf(sql);
  let next = tokens.next();
  for (; next.done !== true; next = tokens.next()) {
    const token = next.value;
    if (token.kind === 'comment' && WRITTEN.test(token.text)) return 0;
    if (token.kind !== 'comment' && token.kind !== 'space' && token.text !== ';') end = token.end;
  }
  return next.value ? end : 0;
}

/** `encodeURIComponent` leaves these, of which quote and asterisk could end something. */
const LEFT = /[!'()*]/g;

/** Half of a character, which cannot be encoded. */
const LONE = /\p{Surrogate}/gu;

function encoded(text: string): string {
  return encodeURIComponent(text.replace(LONE, '\ufffd')).replace(
    LEFT,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
