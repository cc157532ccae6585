/**
 * Measures what tracing costs and writes docs/performance.md, docs/capacity.md and the plots in docs/img.
 *
 *   node test/bench/run.ts [--quick] [--rounds N] [--only http,express,…] [--sdk 2] [--report-only]
 *
 * Parts: bytes, http, express, fastify, koa, outbound, messages, calls, scaling, memory, propagators. A part that is not run keeps its
 * figures of the run before, with their date.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { FRAMEWORKS, measureBytes } from './bytes.ts';
import { writeCapacity } from './capacity.ts';
import { checkVariant } from './check.ts';
import { pinned } from './child.ts';
import { BARE, contenders, type Entry, FLOOR, OURS } from './contenders.ts';
import { clientDuel, httpDuel, MODES, type Mode, NORMAL, QUICK, type Timing } from './duel.ts';
import { installAll } from './installation.ts';
import { measureCalls, measureMessages } from './messages.ts';
import type { Framework } from './process/variant.ts';
import { type Results, type Row, writeReport } from './report.ts';
import { measureOpenRequests, measureScaling } from './scaling.ts';
import { type Duel, shuffled, summarize } from './statistics.ts';

const PARTS = ['bytes', ...FRAMEWORKS, 'outbound', 'messages', 'calls', 'scaling', 'memory', 'propagators'];
const REPOSITORY = join(import.meta.dirname, '../..');
const STORE = join(REPOSITORY, '.reports/bench.json');

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
    sdk: { type: 'string', default: '3' },
    'report-only': { type: 'boolean', default: false },
  },
});
const { quick } = values;
const timing: Timing = quick ? QUICK : NORMAL;
const rounds = Number(values.rounds ?? (quick ? 1 : 5));
const parts = values.only === undefined ? PARTS : values.only.split(',');
for (const part of parts)
  if (!PARTS.includes(part)) throw new Error(`no part is named ${part}; there are ${PARTS.join(', ')}`);

const results: Results = existsSync(STORE)
  ? JSON.parse(readFileSync(STORE, 'utf8'))
  : { parts: {}, missing: {} };
if (!values['report-only']) await measureAll();
writeReport(REPOSITORY, results);
writeCapacity(REPOSITORY, results);

async function measureAll(): Promise<void> {
  const names = ['otel', ...(values.sdk === '2' ? ['otel2'] : []), 'dd-trace', 'sentry'];
  const { installations, missing } = await installAll(names);
  for (const [name, reason] of missing) console.log(`${name} is left out: ${reason}`);
  results.missing = Object.fromEntries(missing);
  results.versions = Object.fromEntries(
    [...installations.values()].reverse().flatMap(({ versions }) => Object.entries(versions)),
  );
  const entries = await contenders(installations);

  if (parts.includes('bytes')) {
    const runs = quick ? 1 : 3;
    keep('bytes', { bytes: await measureBytes({ frameworks: FRAMEWORKS, runs, peers: true, progress }) });
  }
  for (const framework of FRAMEWORKS)
    if (parts.includes(framework)) {
      const working = await checked(framework, entries);
      keep(framework, { rows: await duels(framework, working) });
    }
  if (parts.includes('outbound')) keep('outbound', { rows: await outbound(entries) });
  if (parts.includes('messages')) await messages();
  if (parts.includes('calls')) await calls();
  const bare = find(entries, BARE);
  if (parts.includes('scaling'))
    keep('scaling', { scaling: await measureScaling(bare, find(entries, OURS), rounds, timing, progress) });
  if (parts.includes('memory')) {
    const open = [BARE, FLOOR, OURS, 'throughline-everything', 'official'].map((id) => find(entries, id));
    const sizes = quick ? [1000] : [500, 1000, 2000, 4000];
    keep('memory', { memory: await measureOpenRequests(open, sizes, Math.min(rounds, 3), progress) });
  }
  if (parts.includes('propagators')) {
    const args = [join(import.meta.dirname, 'propagators/speed.ts'), ...(quick ? ['5'] : [])];
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 16 << 20 });
    keep('propagators', { text: stdout });
  }
}

/** Variants that do what they say; a run with one of ours that does not ends here. */
async function checked(framework: Framework, entries: readonly Entry[]): Promise<Entry[]> {
  const working: Entry[] = [];
  for (const entry of entries) {
    if (entry.variant.only !== undefined && entry.variant.only !== framework) continue;
    try {
      await checkVariant(framework, entry, entry.variant);
      working.push(entry);
    } catch (error) {
      if (entry.variant.installation === undefined) throw error;
      console.log(`${entry.id} on ${framework} is left out: ${(error as Error).message}`);
      results.missing[`${entry.id} on ${framework}`] = 'its check failed';
    }
  }
  progress(`checked ${working.map(({ id }) => id).join(', ')} on ${framework}`);
  return working;
}

async function duels(framework: Framework, entries: readonly Entry[]): Promise<Row[]> {
  const bare = find(entries, BARE);
  return tabulate(entries, (entry) =>
    httpDuel(framework, bare, entry, timing, { sentryTrace: entry.variant.sentryTrace === true }),
  );
}

async function outbound(entries: readonly Entry[]): Promise<Row[]> {
  const bare = find(entries, BARE);
  const calling = [
    'bare',
    'hand-written',
    'throughline',
    'throughline-metrics',
    'throughline-no-sdk',
    'official',
  ];
  return tabulate(
    calling.map((id) => find(entries, id)),
    (entry) => clientDuel(bare, entry, timing),
  );
}

/** Apart from the rest: its packages are of no use to a service without queues, and the brokers take the machine. */
async function messages(): Promise<void> {
  const { installations } = await installAll(['messages']);
  const installation = installations.get('messages');
  if (installation === undefined) throw new Error('the messaging clients could not be installed');
  const { tables, missing } = await measureMessages(installation, rounds, timing, progress);
  for (const [client, reason] of Object.entries(missing)) results.missing[`messages of ${client}`] = reason;
  results.versions = { ...results.versions, ...installation.versions };
  keep('messages', { tables });
}

async function calls(): Promise<void> {
  const { installations } = await installAll(['calls']);
  const installation = installations.get('calls');
  if (installation === undefined) throw new Error('gRPC could not be installed');
  results.versions = { ...results.versions, ...installation.versions };
  keep('calls', { tables: await measureCalls(installation, rounds, timing, progress) });
}

/** Every variant once per round, in another order each time. */
async function tabulate(
  entries: readonly Entry[],
  duel: (entry: Entry) => Promise<Map<Mode, Duel>>,
): Promise<Row[]> {
  const all = new Map<string, Duel[]>();
  for (let round = 0; round < rounds; round++)
    for (const entry of shuffled(entries)) {
      const outcome = await duel(entry);
      for (const [mode, one] of outcome) {
        const key = `${entry.id} ${mode}`;
        all.set(key, [...(all.get(key) ?? []), one]);
      }
      const shown = [...outcome].map(
        ([mode, { base, variant }]) => `${mode} +${(variant - base).toFixed(1)}`,
      );
      progress(`${round + 1}/${rounds} ${entry.id}: ${shown.join(', ')} µs`);
    }
  return entries.map(({ id, variant }) => ({
    id,
    title: variant.title,
    ...(Object.fromEntries(MODES.map((mode) => [mode, summarize(all.get(`${id} ${mode}`) ?? [])])) as Pick<
      Row,
      Mode
    >),
  }));
}

function find(entries: readonly Entry[], id: string): Entry {
  const entry = entries.find((one) => one.id === id);
  if (entry === undefined) throw new Error(`${id} is not there`);
  return entry;
}

/** Saves a part at once: a run that is cut short keeps what it has. */
function keep(
  part: string,
  measured: Omit<Results['parts'][string], 'date' | 'machine' | 'command' | 'rounds'>,
): void {
  results.parts[part] = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.versions.node}${pinned ? '' : ', not pinned to cores'}`,
    command: ['node test/bench/run.ts', ...process.argv.slice(2)].join(' '),
    rounds,
    ...measured,
  };
  mkdirSync(join(REPOSITORY, '.reports'), { recursive: true });
  writeFileSync(STORE, JSON.stringify(results, undefined, 1));
}

function progress(what: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${what}`);
}
