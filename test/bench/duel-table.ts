import { type Figure, quotient, shown } from './certainty.ts';
import { BARE, FLOOR, LIMIT, OFFICIAL } from './contenders.ts';
import { MODES, type Mode } from './duel.ts';
import type { Result } from './statistics.ts';

export interface Row {
  readonly id: string;
  readonly title: string;
  readonly sampled: Result;
  readonly unsampled: Result;
}

/** What the columns of shares compare with, where a table has it. */
const BASES = { [FLOOR]: '÷ floor', [LIMIT]: '÷ limit', [OFFICIAL]: '÷ official' } as const;

export const micros = (value: number) => value.toFixed(1);

/** Returns what `row` adds to the bare program: as uncertain as its duels differ, or as `bare` does from itself. */
export function added(rows: readonly Row[], row: Row, mode: Mode): Figure {
  const { added: value, least, most, duels } = row[mode];
  const half = Math.max((most - least) / 2, errorOf(rows, mode));
  return { value, uncertainty: duels < 2 ? Number.POSITIVE_INFINITY : half / Math.abs(value) };
}

function errorOf(rows: readonly Row[], mode: Mode): number {
  const bare = rows.find(({ id }) => id === BARE)?.[mode];
  return bare === undefined ? 0 : Math.max(-bare.least, bare.most);
}

/** Returns the table of duels of `what`, such as a request, with a `≈` before each figure that is less certain than it looks. */
export function duelTable(rows: readonly Row[], what: string): string {
  const bare = rows.find(({ id }) => id === BARE);
  const bases = Object.entries(BASES).flatMap(([id, head]) => {
    const row = rows.find((one) => one.id === id);
    return row === undefined ? [] : [{ row, head }];
  });
  const cells = (row: Row) =>
    MODES.flatMap((mode) => {
      const { least, most } = row[mode];
      const range = `[${micros(least)} … ${micros(most)}]`;
      const figure = added(rows, row, mode);
      if (row.id === BARE) return [`${micros(figure.value)} ${range}`, ...bases.map(() => '–')];
      const shares = bases.map((base) =>
        row === base.row ? '1.00' : shown(quotient(figure, added(rows, base.row, mode)), 2),
      );
      return [`${shown(figure, 1)} ${range}`, ...shares];
    });
  const heads = MODES.flatMap((mode) => [`${mode}: µs added`, ...bases.map(({ head }) => head)]);
  return [
    bare === undefined
      ? ''
      : `A bare ${what} takes ${micros(bare.sampled.base)} µs of CPU. Error of the method: ${micros(Math.max(...MODES.map((mode) => errorOf(rows, mode))))} µs.\n`,
    `| Variant | ${heads.join(' | ')} |`,
    `|---|${'---:|'.repeat(heads.length)}`,
    ...rows.map(
      (row) => `| ${row.id === BARE ? 'bare against bare' : row.title} | ${cells(row).join(' | ')} |`,
    ),
  ].join('\n');
}
