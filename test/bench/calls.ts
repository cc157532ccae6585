/**
 * Measures what outgoing calls and messages cost without a network: the client runs, and what is behind it is in memory (for
 * gRPC, its own server, over loopback).
 *
 *     node test/bench/calls.ts [--only fetch,interceptor,amqplib,kafkajs,bullmq,grpc-js] [--rounds N] [--unsampled]
 *
 * Prints bytes and µs of CPU above the client alone, and how many times the peer's that is. Bytes are the same on a busy machine.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { above, type Figure, quotient, shown, verdict } from './certainty.ts';
import type { Mode } from './duel.ts';
import { type Installation, installAll } from './installation.ts';
import type { Cost, Counts } from './process/in-memory/measure.ts';
import { median } from './statistics.ts';

/**
 * What is measured, the spans of ours and of the peer's, the files of the variants (alone, ours, the peer's), and the
 * goal: at most this share of the peer's, per span.
 */
const SUBJECTS = {
  fetch: {
    installation: 'otel',
    spans: [1, 1],
    files: ['bare.ts', 'throughline.ts', 'official.mjs'],
    goal: 0.85,
  },
  interceptor: {
    installation: 'otel',
    spans: [1, 1],
    files: ['bare.ts', 'throughline-interceptor.ts', 'official.mjs'],
    goal: 0.85,
  },
  amqplib: { installation: 'messages', spans: [3, 2], files: ['bare', 'throughline', 'official'], goal: 1 },
  kafkajs: { installation: 'messages', spans: [2, 2], files: ['bare', 'throughline', 'official'], goal: 0.8 },
  bullmq: { installation: 'messages', spans: [3, 3], files: ['bare', 'throughline', 'official'], goal: 1.2 },
  'grpc-js': { installation: 'calls', spans: [2, 2], files: ['bare', 'throughline', 'official'], goal: 1 },
} as const;
export type Subject = keyof typeof SUBJECTS;
export const CLIENTS = Object.keys(SUBJECTS) as readonly Subject[];

const COUNTS: Counts = { warmUp: 30_000, rounds: 9, perRound: 1000 };
/** A young generation that holds a round. */
const FLAGS = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128'];

/** What the runs of a subject cost in all: of the client alone, with Throughline, and with the peer. */
export interface CallsRow {
  readonly subject: Subject;
  readonly runs: readonly [bare: readonly Cost[], ours: readonly Cost[], peer: readonly Cost[]];
}

/** Measures the subjects, in `rounds` fresh processes for each variant. */
export async function measureClients(
  subjects: readonly Subject[],
  rounds: number,
  progress: (what: string) => void,
  mode: Mode = 'sampled',
): Promise<{ clients: CallsRow[]; versions: Record<string, string> }> {
  const { installations } = await installAll([
    ...new Set(subjects.map((subject) => SUBJECTS[subject].installation)),
  ]);
  const clients: CallsRow[] = [];
  for (const subject of subjects) {
    const { installation, files } = SUBJECTS[subject];
    const runs: [Cost[], Cost[], Cost[]] = [[], [], []];
    // In turn, so that a slow minute of the machine is no variant's own.
    for (let round = 0; round < rounds; round++)
      for (const [at, file] of files.entries())
        runs[at]?.push(await costOf(installations.get(installation) as Installation, subject, file, mode));
    clients.push({ subject, runs });
    progress(`${subject} in memory`);
  }
  const versions = [...installations.values()].map((installation) => installation.versions);
  return { clients, versions: Object.assign({}, ...versions) };
}

async function costOf({ folder }: Installation, subject: Subject, file: string, mode: Mode): Promise<Cost> {
  const args = [...FLAGS, join(folder, 'process/calls.ts'), subject, file, JSON.stringify(COUNTS), mode];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, NODE_ENV: 'production' },
  });
  return JSON.parse(stdout);
}

/** Returns the table of what is added to the client alone, beside the peer's. */
export function callsTable(rows: readonly CallsRow[]): string {
  return [
    '| | Throughline: bytes | µs | the peer: bytes | µs | bytes ÷ peer | CPU ÷ peer | per span: bytes ÷ peer (goal) | CPU ÷ peer (goal) |',
    `|---|${'---:|'.repeat(8)}`,
    ...rows.map(({ subject, runs: [bare, ours, peer] }) => {
      const { spans, goal } = SUBJECTS[subject];
      const [own, theirs] = [added(bare, ours), added(bare, peer)];
      const bytes = quotient(own.bytes, theirs.bytes);
      const cpu = quotient(own.cpu, theirs.cpu);
      const perSpan = ({ value, uncertainty }: Figure): Figure => ({
        value: (value * spans[1]) / spans[0],
        uncertainty,
      });
      const cells = [
        ...[own, theirs].flatMap((cost) => [shown(cost.bytes, 0), shown(cost.cpu, 1)]),
        ...[bytes, cpu].map((share) => shown(share, 2)),
        ...[bytes, cpu].map((share) => verdict(perSpan(share), goal)),
      ];
      return `| ${subject} | ${cells.join(' | ')} |`;
    }),
  ].join('\n');
}

function added(bare: readonly Cost[], runs: readonly Cost[]): { bytes: Figure; cpu: Figure } {
  const [bytes, cpu] = (['bytes', 'cpu'] as const).map((what) =>
    [bare, runs].map((each) => each.map((cost) => cost[what])),
  ) as [[number[], number[]], [number[], number[]]];
  return { bytes: above(...bytes), cpu: quickestAbove(...cpu) };
}

/** A neighbour makes a process slower and never quicker, so the quickest counts, and half of the rest confirm it or don't. */
function quickestAbove(base: readonly number[], runs: readonly number[]): Figure {
  const value = Math.min(...runs) - Math.min(...base);
  const doubt = Math.hypot(...[base, runs].map((each) => median(each) - Math.min(...each)));
  return { value, uncertainty: runs.length < 2 ? Number.POSITIVE_INFINITY : doubt / Math.abs(value) };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      unsampled: { type: 'boolean', default: false },
    },
  });
  const subjects = (values.only?.split(',') ?? CLIENTS) as Subject[];
  for (const subject of subjects)
    if (SUBJECTS[subject] === undefined)
      throw new Error(`nothing is named ${subject}; there are ${CLIENTS.join(', ')}`);
  const mode = values.unsampled ? 'unsampled' : 'sampled';
  const { clients } = await measureClients(subjects, Number(values.rounds), console.error, mode);
  console.log(callsTable(clients));
}
