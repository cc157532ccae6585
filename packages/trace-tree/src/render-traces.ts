import { styleText } from 'node:util';
import type { Trace, TraceRow } from './build-traces.ts';
import { findSplits, groupTraces, type Split } from './find-splits.ts';
import { clean, count, topNote } from './wording.ts';

/** How trees are drawn; {@link treeStyleFor} chooses it for a stream. */
export interface TreeStyle {
  /** Whether colours and box-drawing characters are used. Otherwise the text is plain ASCII. */
  readonly fancy: boolean;
  /** The number of columns available. */
  readonly width: number;
}

const PLAIN_WIDTH = 100;
const MIN_BAR = 8;
const COMPARABLE_BAR = 16;
const MAX_BAR = 40;
const DURATION_COLUMNS = 10;
const SERVICE_COLOURS = ['cyan', 'magenta', 'green', 'yellow', 'blue'] as const;

/**
 * Returns the style for a stream: colour on a terminal, plain when piped or when `NO_COLOR` is set.
 *
 * @see https://no-color.org
 * @example
 * process.stdout.write(renderTraces(traces, treeStyleFor(process.stdout, process.env)));
 */
export function treeStyleFor(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  env: Readonly<Record<string, string | undefined>>,
): TreeStyle {
  return { fancy: stream.isTTY === true && !env.NO_COLOR, width: stream.columns || PLAIN_WIDTH };
}

/**
 * Returns traces drawn as trees with aligned bars and durations, one block for each trace.
 *
 * Traces that a split joins come from one request and share a time scale, so that the torn-off part stands below the
 * call that lost it. Unrelated traces have a scale each.
 *
 * @example
 * process.stdout.write(renderTraces(buildTraces(spans), { fancy: false, width: 80 }));
 */
export function renderTraces(traces: readonly Trace[], style: TreeStyle): string {
  const blocks: string[] = [];
  for (const group of groupTraces(traces)) {
    const splits = findSplits(group);
    const rows = group.flatMap((trace) => trace.rows);
    const labelColumns = labelColumnsFor(rows, style);
    const noteColumns = Math.max(0, ...new Set(rows.map((row) => noteOf(row, splits, style).length)));
    const scale: Scale = {
      start: Math.min(...group.map((trace) => trace.start)),
      end: Math.max(...group.map((trace) => trace.end)),
      labelColumns,
      barColumns: barColumnsFor(labelColumns, noteColumns, style),
    };
    const services = [...new Set(rows.map((row) => row.span.service))];
    for (const trace of group) {
      const lines = [headline(trace, style)];
      const lastAt: boolean[] = [];
      for (const [i, row] of trace.rows.entries()) {
        lastAt[row.depth] = row.last;
        const parent = (trace.rows[i + 1]?.depth ?? 0) > row.depth;
        const colour = SERVICE_COLOURS[services.indexOf(row.span.service) % SERVICE_COLOURS.length] ?? 'cyan';
        lines.push(
          ...drawRow(row, { ...branches(row.depth, lastAt, parent, style), colour, splits, style }, scale),
        );
      }
      blocks.push(`${lines.join('\n')}\n`);
    }
  }
  return blocks.join('\n');
}

/** Shared by all rows of a group, so that their columns align. */
interface Scale {
  readonly start: number;
  readonly end: number;
  readonly labelColumns: number;
  readonly barColumns: number;
}

interface RowContext {
  readonly prefix: string;
  /** The prefix of a line between this row and the next. */
  readonly below: string;
  readonly colour: (typeof SERVICE_COLOURS)[number];
  readonly splits: readonly Split[];
  readonly style: TreeStyle;
}

function headline(trace: Trace, style: TreeStyle): string {
  const dot = style.fancy ? ' · ' : ', ';
  const size = [
    count(trace.services.length, 'service'),
    count(trace.rows.length, 'span'),
    duration(trace.end - trace.start),
  ];
  const rest = `  ${size.join(dot)}`;
  const fits = 'trace '.length + trace.traceId.length + rest.length <= style.width;
  const id = fits ? trace.traceId : `${trace.traceId.slice(0, 8)}${style.fancy ? '…' : '~'}`;
  return `trace ${paint(id, 'bold', style)}${rest}`;
}

function drawRow(row: TraceRow, context: RowContext, scale: Scale): string[] {
  const { span } = row;
  const { style, prefix, below, colour, splits } = context;
  const text = label(row);
  const room = Math.max(1, scale.labelColumns - prefix.length);
  const cut = text.length > room ? `${text.slice(0, room - 1)}${style.fancy ? '…' : '~'}` : text;
  const bar = drawBar(span, scale, style);
  const time = duration(span.end - span.start).padStart(DURATION_COLUMNS);
  const line = [
    '  ',
    paint(prefix, 'dim', style),
    span.error ? paint(cut, 'red', style) : cut,
    ' '.repeat(Math.max(0, room - cut.length) + 1),
    paint(bar, span.error ? 'red' : colour, style),
    time,
  ].join('');
  const note = noteOf(row, splits, style);
  if (note === '') return [line];
  const painted = paint(note, span.error ? 'red' : 'yellow', style);
  const used = 3 + prefix.length + Math.max(room, cut.length) + bar.length + time.length;
  if (used + 2 + note.length <= style.width) return [`${line}  ${painted}`];
  return [line, `  ${paint(below, 'dim', style)}${painted}`];
}

/** Deep levels are numbered instead of indented, so that there is room for the label. */
function branches(depth: number, lastAt: readonly boolean[], parent: boolean, { fancy, width }: TreeStyle) {
  const [through, gap, fork, end] = fancy ? ['│  ', '   ', '├─ ', '└─ '] : ['|  ', '   ', '|- ', '`- '];
  if (depth * 3 > width / 3) {
    const prefix = `${fancy ? '└' : '`'}${depth}${fancy ? '─ ' : '- '}`;
    return { prefix, below: ' '.repeat(prefix.length) };
  }
  let drawn = '';
  for (let level = 1; level < depth; level++) drawn += lastAt[level] ? gap : through;
  const prefix = depth === 0 ? '' : drawn + (lastAt[depth] ? end : fork);
  const below = (depth === 0 ? '' : drawn + (lastAt[depth] ? gap : through)) + (parent ? through : '');
  return { prefix, below };
}

function label({ span }: TraceRow): string {
  return clean(`${span.service} ${span.kind} ${span.name}`);
}

/** Both ends are rounded, not the length, so that spans that meet in time meet on the screen. */
function drawBar(span: TraceRow['span'], { start, end, barColumns }: Scale, { fancy }: TreeStyle): string {
  const scale = barColumns / Math.max(end - start, 1);
  const left = Math.min(barColumns - 1, Math.max(0, Math.round((span.start - start) * scale)));
  const right = Math.min(barColumns, Math.max(left + 1, Math.round((span.end - start) * scale)));
  return (' '.repeat(left) + (fancy ? '█' : '#').repeat(right - left)).padEnd(barColumns);
}

/** Bars shrink to make room for notes while they can still be compared. Beyond that, notes get lines of their own. */
function barColumnsFor(labelColumns: number, noteColumns: number, { width }: TreeStyle): number {
  const free = width - labelColumns - 3 - DURATION_COLUMNS;
  const besideNotes = noteColumns > 0 ? free - 2 - noteColumns : free;
  const columns = besideNotes >= COMPARABLE_BAR ? besideNotes : free;
  return Math.max(MIN_BAR, Math.min(MAX_BAR, columns));
}

function labelColumnsFor(rows: readonly TraceRow[], { width }: TreeStyle): number {
  const longest = rows.reduce(
    (most, row) => Math.max(most, Math.min(row.depth * 3, Math.ceil(width / 3)) + label(row).length),
    0,
  );
  return Math.min(longest, Math.max(MIN_BAR, width - 3 - DURATION_COLUMNS - MIN_BAR));
}

function noteOf(row: TraceRow, splits: readonly Split[], style: TreeStyle): string {
  const { span } = row;
  const said: string[] = [];
  const status = span.attributes['http.response.status_code'];
  const type = span.attributes['error.type'];
  if (typeof status === 'number' && status >= 400) said.push(String(status));
  if (typeof type === 'string' && type !== String(status)) said.push(clean(type));
  else if (span.error && said.length === 0) said.push('error');
  const lost = splits.find((split) => split.caller === span);
  if (lost)
    said.push(
      `trace lost here: ${clean(lost.caller.service)}${style.fancy ? ' → ' : ' -> '}${clean(lost.callee.service)}`,
    );
  const torn = splits.find((split) => split.callee === span);
  if (torn) said.push(`new trace: no context came from ${clean(torn.caller.service)}`);
  if (row.top) said.push(topNote(row));
  return said.length === 0 ? '' : `${style.fancy ? '← ' : '<- '}${said.join('; ')}`;
}

function duration(micros: number): string {
  return micros < 10_000_000 ? `${(micros / 1000).toFixed(1)} ms` : `${(micros / 1_000_000).toFixed(1)} s`;
}

function paint(text: string, colour: Parameters<typeof styleText>[0], { fancy }: TreeStyle): string {
  return fancy && text !== '' ? styleText(colour, text, { validateStream: false }) : text;
}
