/**
 * Measures what tracing costs and writes docs/performance.md, docs/capacity.md and the plots in docs/img.
 *
 *   node test/bench/run.ts [--quick] [--full] [--rounds N] [--only http,express,…] [--sdk 2] [--report-only]
 *
 * Parts: bytes, clients, http, express, fastify, koa; and, named by --only or with --full, growth, open, propagators,
 * outbound, messages, calls, scaling. --full brings all variants in all rounds. A part that is not run keeps its figures of
 * the run before, with their date: they are in docs/performance.json.
 */
import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { FRAMEWORKS, measureBytes } from './bytes.ts';
import { CLIENTS, measureClients } from './calls.ts';
import { writeCapacity } from './capacity.ts';
import { checkVariant } from './check.ts';
import { pinned } from './child.ts';
import { BARE, contenders, type Entry, FLOOR, OFFICIAL, OURS } from './contenders.ts';
import { clientDuel, httpDuel, MODES, type Mode, NORMAL, QUICK, type Timing } from './duel.ts';
import type { Row } from './duel-table.ts';
import { measureGrowth } from './growth.ts';
import { type Installation, installAll, PEER_INSTALLATIONS } from './installation.ts';
import { measureCalls, measureMessages } from './messages.ts';
import { measureOpenRequests } from './open-requests.ts';
import type { Framework } from './process/variant.ts';
import { writeReport } from './report.ts';
import { type Part, readResults, writeResults } from './results.ts';
import { measureScaling } from './scaling.ts';
import { type Duel, shuffled, summarize } from './statistics.ts';

const USUAL = ['bytes', 'clients', ...FRAMEWORKS];
const PARTS = [...USUAL, 'growth', 'open', 'propagators', 'outbound', 'messages', 'calls', 'scaling'];
/** Parts with servers of the installed variants. */
const DUELLING: readonly string[] = [...FRAMEWORKS, 'outbound', 'scaling', 'growth', 'open'];
const REPOSITORY = join(import.meta.dirname, '../..');

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
    sdk: { type: 'string', default: '3' },
    'report-only': { type: 'boolean', default: false },
  },
});
const { quick, full } = values;
const timing: Timing = quick ? QUICK : NORMAL;
const rounds = Number(values.rounds ?? (quick ? 1 : 5));
/** Of the parts besides duels. */
const FEWER_ROUNDS = Math.min(rounds, 2);
const parts = values.only?.split(',') ?? (full ? PARTS : USUAL);
for (const part of parts)
  if (!PARTS.includes(part)) throw new Error(`no part is named ${part}; there are ${PARTS.join(', ')}`);

const results = readResults(REPOSITORY);
if (!values['report-only']) await measureAll();
writeReport(REPOSITORY, results);
writeCapacity(REPOSITORY, results);

async function measureAll(): Promise<void> {
  if (parts.includes('bytes')) {
    const runs = Number(values.rounds ?? (quick ? 1 : 2));
    keep('bytes', runs, await measureBytes({ frameworks: FRAMEWORKS, runs, peers: true, progress }));
  }
  if (parts.includes('clients')) {
    const runs = Number(values.rounds ?? (quick ? 1 : 2));
    keep('clients', runs, await measureClients(CLIENTS, runs, progress));
  }
  if (parts.some((part) => DUELLING.includes(part))) await measureDuels();
  if (parts.includes('messages')) await messages();
  if (parts.includes('calls')) await calls();
  if (parts.includes('propagators')) {
    const args = [join(import.meta.dirname, 'propagators/speed.ts'), ...(quick ? ['5'] : [])];
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 16 << 20 });
    keep('propagators', 1, { text: stdout });
  }
}

async function measureDuels(): Promise<void> {
  const sdk2 = values.sdk === '2' ? (['otel2'] as const) : [];
  const peers = FRAMEWORKS.some((framework) => parts.includes(framework)) ? PEER_INSTALLATIONS : [];
  const { installations, missing } = await installAll(['otel', ...sdk2, ...peers]);
  for (const [name, reason] of missing) console.log(`${name} is left out: ${reason}`);
  const versions = versionsOf(installations.values());
  const entries = await contenders(installations, full);
  const bare = find(entries, BARE);
  for (const framework of FRAMEWORKS)
    if (parts.includes(framework)) {
      const { working, failed } = await checked(framework, entries);
      const left = { ...Object.fromEntries(missing), ...failed };
      keep(framework, rounds, { rows: await duels(framework, working), versions, missing: left });
    }
  if (parts.includes('outbound')) keep('outbound', rounds, { rows: await outbound(entries), versions });
  if (parts.includes('scaling')) {
    const scaling = await measureScaling(bare, find(entries, OURS), FEWER_ROUNDS, timing, progress);
    keep('scaling', FEWER_ROUNDS, { scaling, versions });
  }
  if (parts.includes('growth')) {
    const growth = await measureGrowth(bare.installation, progress);
    keep('growth', 1, { growth, versions: bare.installation.versions });
  }
  if (parts.includes('open')) {
    const ours = find(entries, OURS);
    const { default: others } = await import('./variants/throughline-official-propagators.ts');
    const entry = {
      ...ours,
      id: 'throughline-official-propagators',
      file: 'throughline-official-propagators.ts',
      variant: others,
    };
    const open = [bare, find(entries, FLOOR), ours, entry, find(entries, OFFICIAL)];
    const { versions } = bare.installation;
    keep('open', FEWER_ROUNDS, { open: await measureOpenRequests(open, FEWER_ROUNDS, progress), versions });
  }
}

/** Variants that do what they say; a run with one of ours that does not ends here. */
async function checked(
  framework: Framework,
  entries: readonly Entry[],
): Promise<{ working: Entry[]; failed: Record<string, string> }> {
  const working: Entry[] = [];
  const failed: Record<string, string> = {};
  for (const entry of entries) {
    if (entry.variant.only !== undefined && entry.variant.only !== framework) continue;
    try {
      await checkVariant(framework, entry, entry.variant);
      working.push(entry);
    } catch (error) {
      if (entry.variant.installation === undefined) throw error;
      console.log(`${entry.id} on ${framework} is left out: ${(error as Error).message}`);
      failed[entry.id] = 'its check failed';
    }
  }
  progress(`checked ${working.map(({ id }) => id).join(', ')} on ${framework}`);
  return { working, failed };
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
    entries.filter(({ id }) => calling.includes(id)),
    (entry) => clientDuel(bare, entry, timing),
  );
}

/** Apart from the rest: its packages are of no use to a service without queues, and the brokers take the machine. */
async function messages(): Promise<void> {
  const { installations } = await installAll(['messages']);
  const installation = installations.get('messages');
  if (installation === undefined) throw new Error('the messaging clients could not be installed');
  const { tables, missing } = await measureMessages(installation, rounds, timing, progress);
  keep('messages', rounds, { tables, missing, versions: installation.versions });
}

async function calls(): Promise<void> {
  const { installations } = await installAll(['calls']);
  const installation = installations.get('calls');
  if (installation === undefined) throw new Error('gRPC could not be installed');
  const tables = await measureCalls(installation, rounds, timing, progress);
  keep('calls', rounds, { tables, versions: installation.versions });
}

/** Every variant once per round, in another order each time; those that no goal is about in the first only, unless all is asked for. */
async function tabulate(
  entries: readonly Entry[],
  duel: (entry: Entry) => Promise<Map<Mode, Duel>>,
): Promise<Row[]> {
  const all = new Map<string, Duel[]>();
  for (let round = 0; round < rounds; round++)
    for (const entry of shuffled(entries.filter(({ decides }) => decides || full || round === 0))) {
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

function versionsOf(installations: Iterable<Installation>): Record<string, string> {
  // The first ones' versions count where several have the same package.
  return Object.assign({}, ...[...installations].reverse().map(({ versions }) => versions));
}

/** Saves a part at once: a run that is cut short keeps what it has. */
function keep(part: string, times: number, measured: Partial<Part>): void {
  results[part] = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.versions.node}${pinned ? '' : ', not pinned to cores'}`,
    command: ['node test/bench/run.ts', ...process.argv.slice(2)].join(' '),
    rounds: times,
    versions: {},
    missing: {},
    ...measured,
  };
  writeResults(REPOSITORY, results);
}

function progress(what: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${what}`);
}
