import { styleText } from 'node:util';
import { findSplits, groupTraces, type Split, type Trace, type TraceRow } from './trace-forest.ts';

/** How to draw: where the text goes decides, see {@link treeStyleFor}. */
export interface TreeStyle {
  /** Colours and box-drawing characters; otherwise plain ASCII. */
  readonly fancy: boolean;
  /** Columns available. */
  readonly width: number;
}

/** The judgement on what one request left behind. */
export interface Verdict {
  /** True for exactly one trace with exactly one top span. */
  readonly connected: boolean;
  readonly splits: readonly Split[];
  /** One line, no line break. */
  readonly text: string;
}

const PLAIN_WIDTH = 100;
const MIN_BAR = 8;
const COMPARABLE_BAR = 16;
const MAX_BAR = 40;
const DURATION_COLUMNS = 10;
const SERVICE_COLOURS = ['cyan', 'magenta', 'green', 'yellow', 'blue'] as const;

/**
 * Picks the style for a stream: colour on a terminal, plain when piped or when `NO_COLOR` is set.
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
 * Draws traces as trees with aligned bars and durations, one block for each trace.
 *
 * Traces that one request left behind (a split joins them) share a time scale, so that the torn-off part stands
 * below the call that lost it; unrelated traces have a scale each.
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

/**
 * Says whether these traces are one connected trace, and if not, where they split.
 *
 * @example
 * const { connected, text } = judge(buildTraces(spans));
 */
export function judge(traces: readonly Trace[]): Verdict {
  const splits = findSplits(traces);
  const spans = count(
    traces.reduce((sum, trace) => sum + trace.rows.length, 0),
    'span',
  );
  const services = count(new Set(traces.flatMap((trace) => trace.services)).size, 'service');
  const size = `${services}, ${spans}`;
  const [first] = traces;
  if (!first) return { connected: false, splits, text: 'No trace was received.' };
  if (traces.length > 1) {
    const hops = new Set(
      splits.map(({ caller, callee }) => `${clean(caller.service)} and ${clean(callee.service)}`),
    );
    const where =
      hops.size > 0 ? `split between ${[...hops].join(', and between ')}` : 'no lost hop was recognised';
    return { connected: false, splits, text: `${traces.length} separate traces: ${where} (${size}).` };
  }
  const loose = first.tops.length;
  if (loose > 1) {
    return { connected: false, splits, text: `One trace in ${loose} pieces: parents are missing (${size}).` };
  }
  const [top] = first.tops;
  if (top?.top === 'missing-parent' || top?.top === 'cycle') {
    return { connected: false, splits, text: `One trace without its root: ${topNote(top)} (${size}).` };
  }
  const ends = first.rows.filter((row) => row.uncontinued).length;
  const open = ends > 0 ? `; ${count(ends, 'call')} went where no span was received from` : '';
  return { connected: true, splits, text: `One connected trace: ${size}${open}.` };
}

/** What all rows of a group share, so that their columns align. */
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

/** Deeper levels are numbered, not drawn: indentation must leave room for the label. */
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

/** Positions are rounded from the two ends, so that spans meeting in time meet on the screen. */
function drawBar(span: TraceRow['span'], { start, end, barColumns }: Scale, { fancy }: TreeStyle): string {
  const scale = barColumns / Math.max(end - start, 1);
  const left = Math.min(barColumns - 1, Math.max(0, Math.round((span.start - start) * scale)));
  const right = Math.min(barColumns, Math.max(left + 1, Math.round((span.end - start) * scale)));
  return (' '.repeat(left) + (fancy ? '█' : '#').repeat(right - left)).padEnd(barColumns);
}

/** Bars give way to notes, as long as they can still be compared; after that notes get lines of their own. */
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

function topNote({ span, top }: TraceRow): string {
  if (top === 'remote-parent') return `continues ${span.parentId}, a caller that does not report here`;
  if (top === 'cycle') return `its parent ${span.parentId} is also its descendant`;
  return `its parent ${span.parentId} was not received`;
}

/** Names come from the wire: no control character may reach the terminal. */
function clean(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is searched for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?');
}

function duration(micros: number): string {
  return micros < 10_000_000 ? `${(micros / 1000).toFixed(1)} ms` : `${(micros / 1_000_000).toFixed(1)} s`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

function paint(text: string, colour: Parameters<typeof styleText>[0], { fancy }: TreeStyle): string {
  return fancy && text !== '' ? styleText(colour, text, { validateStream: false }) : text;
}
