import { above, type Figure, quotient, verdict } from './certainty.ts';
import { BARE, FLOOR, LIMIT, OFFICIAL, OURS, RECORDER } from './contenders.ts';
import { MODES, type Mode } from './duel.ts';
import { added } from './duel-table.ts';
import { FRAMEWORK_TITLES, type Results } from './results.ts';

/** At most this share of the CPU that OpenTelemetry's instrumentation adds. */
const OF_OFFICIAL = { http: 1 / 3, express: 1 / 4, fastify: 1 / 4, koa: 0.3 } as const;
/** At most this share of the floor, in bytes and in CPU, with the starter's recorder. */
const RECORDER_OF_FLOOR: Readonly<Record<Mode, number>> = { sampled: 0.8, unsampled: 1 };

/** Returns the section of the goals: of those that have been measured. */
export function goals(results: Results): string {
  const lines: string[] = [];
  for (const [name, title] of Object.entries(FRAMEWORK_TITLES))
    for (const mode of MODES) {
      const bytes = (id: string) => bytesAdded(results, name, mode, id);
      const cpu = (id: string) => cpuAdded(results, name, mode, id);
      const ofFloor = RECORDER_OF_FLOOR[mode];
      const cells = [
        judged(bytes(OURS), bytes(FLOOR), 1.4),
        judged(bytes(OURS), bytes(LIMIT), 1.2),
        judged(cpu(OURS), cpu(LIMIT), 1.2),
        judged(cpu(OURS), cpu(OFFICIAL), OF_OFFICIAL[name as keyof typeof OF_OFFICIAL]),
        judged(bytes(RECORDER), bytes(FLOOR), ofFloor),
        judged(cpu(RECORDER), cpu(FLOOR), ofFloor),
      ];
      if (cells.some((cell) => cell !== '–')) lines.push(`| ${title}, ${mode} | ${cells.join(' | ')} |`);
    }
  if (lines.length === 0) return '';
  return [
    '## Goals',
    '',
    'In parentheses the goal: the most that the share may be, and whether it holds. A goal is open where the error of the figure could change the answer.',
    '',
    '| | bytes ÷ floor | bytes ÷ limit | CPU ÷ limit | CPU ÷ official | recorder: bytes ÷ floor | recorder: CPU ÷ floor |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...lines,
  ].join('\n');
}

function judged(ours: Figure | undefined, base: Figure | undefined, goal: number): string {
  return ours === undefined || base === undefined ? '–' : verdict(quotient(ours, base), goal);
}

function bytesAdded(results: Results, framework: string, mode: Mode, id: string): Figure | undefined {
  const of = (variant: string) =>
    results.bytes?.bytes?.find((row) => row.id === variant)?.bytes[framework]?.[mode];
  const [bare, runs] = [of(BARE), of(id)];
  return bare === undefined || runs === undefined ? undefined : above(bare, runs);
}

function cpuAdded(results: Results, framework: string, mode: Mode, id: string): Figure | undefined {
  const rows = results[framework]?.rows ?? [];
  const row = rows.find((one) => one.id === id);
  return row && added(rows, row, mode);
}
