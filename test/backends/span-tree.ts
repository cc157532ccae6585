import type { RecordedSpan } from './recorded-span.ts';

/**
 * The spans of a trace as an indented tree of services, kinds, names and status, to be compared as a whole.
 *
 * Calls stand in the order in which they began, everything else in alphabetical order.
 *
 * @example
 * treeOf(spans); // ['front SERVER GET /items/:id', ' front CLIENT GET ERROR']
 */
export function treeOf(spans: readonly RecordedSpan[]): string[] {
  const known = new Set(spans.map((span) => span.spanId));
  const isBelow = (span: RecordedSpan, parentId: string | undefined) =>
    parentId === undefined ? !known.has(span.parentId ?? '') : span.parentId === parentId;
  const lines = (parentId: string | undefined, depth: number): string[] =>
    spans
      .filter((span) => isBelow(span, parentId))
      .sort((a, b) => order(a).localeCompare(order(b)))
      .flatMap((span) => [`${' '.repeat(depth)}${describe(span)}`, ...lines(span.spanId, depth + 1)]);
  return lines(undefined, 0);
}

function order(span: RecordedSpan): string {
  return span.kind === 'CLIENT' ? span.start : `${span.kind} ${span.name}`;
}

function describe({ resource, kind, name, status }: RecordedSpan): string {
  const outcome = status.code === 'UNSET' ? '' : ` ${status.code}`;
  return `${resource['service.name']} ${kind} ${name}${outcome}${status.message ? `: ${status.message}` : ''}`;
}
