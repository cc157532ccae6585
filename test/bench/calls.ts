/**
 * Measures what outgoing calls and messages cost without a network: the client runs, and what is behind it is in memory.
 *
 *     node test/bench/calls.ts [--only fetch,interceptor,amqplib,kafkajs,bullmq] [--rounds N]
 *
 * Prints bytes and µs of CPU above the client alone, and the ratio to the peer's. Bytes are the same on a busy machine.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { type Installation, installAll } from './installation.ts';
import type { Cost, Counts } from './process/in-memory/measure.ts';
import { median } from './statistics.ts';

/** What is measured, the spans of ours and of the peer's, and the files of the variants: alone, ours, the peer's. */
const SUBJECTS = {
  fetch: { installation: 'otel', spans: [1, 1], files: ['bare.ts', 'throughline.ts', 'official.mjs'] },
  interceptor: {
    installation: 'otel',
    spans: [1, 1],
    files: ['bare.ts', 'throughline-interceptor.ts', 'official.mjs'],
  },
  amqplib: { installation: 'messages', spans: [3, 2], files: ['bare', 'throughline', 'official'] },
  kafkajs: { installation: 'messages', spans: [2, 2], files: ['bare', 'throughline', 'official'] },
  bullmq: { installation: 'messages', spans: [3, 3], files: ['bare', 'throughline', 'official'] },
} as const;
type Subject = keyof typeof SUBJECTS;

const COUNTS: Counts = { warmUp: 30_000, rounds: 9, perRound: 1000 };
/** A young generation that holds a round. */
const FLAGS = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128'];

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(SUBJECTS).join(',') },
    rounds: { type: 'string', default: '3' },
  },
});
const subjects = values.only.split(',') as Subject[];
for (const subject of subjects)
  if (SUBJECTS[subject] === undefined)
    throw new Error(`nothing is named ${subject}; there are ${Object.keys(SUBJECTS).join(', ')}`);

const names = [...new Set(subjects.map((subject) => SUBJECTS[subject].installation))];
const { installations } = await installAll(names);

console.log('| | | bytes | ÷ peer | µs of CPU | ÷ peer | bytes per span, ÷ peer |');
console.log('|---|---|---:|---:|---:|---:|---:|');
for (const subject of subjects) {
  const { installation, files, spans } = SUBJECTS[subject];
  const costs: [Cost[], Cost[], Cost[]] = [[], [], []];
  // Fresh processes in turn, so that a slow minute of the machine is no variant's own.
  for (let round = 0; round < Number(values.rounds); round++)
    for (const [at, file] of files.entries())
      costs[at]?.push(await costOf(installations.get(installation) as Installation, subject, file));
  const [bare, ours, peer] = costs.map((each) => ({
    bytes: median(each.map(({ bytes }) => bytes)),
    cpu: Math.min(...each.map(({ cpu }) => cpu)),
  })) as [Cost, Cost, Cost];
  const added = ({ bytes, cpu }: Cost): Cost => ({ bytes: bytes - bare.bytes, cpu: cpu - bare.cpu });
  const theirs = added(peer);
  for (const [title, cost, count] of [
    ['Throughline', added(ours), spans[0]],
    ['the peer', theirs, spans[1]],
  ] as const) {
    const perSpan = cost.bytes / count / (theirs.bytes / spans[1]);
    const cells = [cost.bytes / theirs.bytes, cost.cpu, cost.cpu / theirs.cpu, perSpan];
    const [ofBytes, cpu, ofCpu, ofSpan] = cells.map((cell) => cell.toFixed(2));
    console.log(
      `| ${subject} | ${title} | ${Math.round(cost.bytes)} | ${ofBytes} | ${cpu} | ${ofCpu} | ${ofSpan} |`,
    );
  }
}

async function costOf({ folder }: Installation, subject: Subject, file: string): Promise<Cost> {
  const args = [...FLAGS, join(folder, 'process/calls.ts'), subject, file, JSON.stringify(COUNTS)];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, NODE_ENV: 'production' },
  });
  return JSON.parse(stdout);
}
