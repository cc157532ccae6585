import { tokensOf } from './tokens.ts';

/**
 * Returns a statement with `?` in place of its literals and numbers, and without its comments; `undefined` if the end of a
 * literal is not certain. Parameters such as `$1` stay.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/database/database-spans/#sanitization-of-dbquerytext
 */
export function sanitised(sql: string): string | undefined {
  let text = '';
  const tokens = tokensOf(sql);
  let next = tokens.next();
  for (; next.done !== true; next = tokens.next()) {
    const { kind, text: own } = next.value;
    text += kind === 'literal' || kind === 'number' ? '?' : kind === 'comment' ? ' ' : own;
  }
  return next.value ? text.trim() : undefined;
}
