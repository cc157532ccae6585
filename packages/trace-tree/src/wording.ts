import type { TraceRow } from './build-traces.ts';

/** Returns what is unusual about a top span, in words. */
export function topNote({ span, top }: TraceRow): string {
  if (top === 'remote-parent') return `continues ${span.parentId}, a caller that does not report here`;
  if (top === 'cycle') return `its parent ${span.parentId} is also its descendant`;
  return `its parent ${span.parentId} was not received`;
}

/** Returns `text` without control characters. Names come from the wire, and none of theirs may reach the terminal. */
export function clean(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is searched for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?');
}

/** Returns a number with its noun: `1 span`, `2 spans`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
