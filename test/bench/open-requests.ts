import { type Child, sleep, startChild } from './child.ts';
import type { Entry } from './contenders.ts';
import { shuffled } from './statistics.ts';

/** Requests that are held open. */
export const OPEN = 5000;
/** Each of 8 connections waits so long between an answer and its next request, so that the server has time to spare. */
const PAUSE_MS = 4;
const MEASURED_MS = 4000;

/** What a server does while it holds requests open: one figure per process. */
export interface OpenRow {
  readonly id: string;
  readonly title: string;
  /** Bytes of heap per open request. */
  readonly heap: readonly number[];
  /** 99th percentile of how many ms the event loop is late. */
  readonly late: readonly number[];
  /** Median and 99th percentile of the ms until another request's answer is there. */
  readonly median: readonly number[];
  readonly p99: readonly number[];
}

interface Seen {
  readonly heap: number;
  readonly late: number;
  readonly median: number;
  readonly p99: number;
}

/** Measures each variant in fresh processes, in turn. */
export async function measureOpenRequests(
  entries: readonly Entry[],
  rounds: number,
  progress: (what: string) => void,
): Promise<OpenRow[]> {
  const seen = new Map<string, Seen[]>(entries.map(({ id }) => [id, []]));
  for (let round = 0; round < rounds; round++)
    for (const entry of shuffled(entries)) {
      seen.get(entry.id)?.push(await holdOpen(entry));
      progress(`${round + 1}/${rounds} ${OPEN} open requests, ${entry.id}`);
    }
  return entries.map(({ id, variant: { title } }) => {
    const of = (what: keyof Seen) => (seen.get(id) ?? []).map((one) => one[what]);
    return { id, title, heap: of('heap'), late: of('late'), median: of('median'), p99: of('p99') };
  });
}

async function holdOpen({ installation, file, env }: Entry): Promise<Seen> {
  const children: Child[] = [];
  try {
    const server = await startChild('measured', installation.folder, 'server.ts', ['http', file], {
      flags: ['--expose-gc'],
      ...(env && { env }),
    });
    children.push(server);
    for (let n = 0; n < 2; n++) children.push(await startChild('loading', import.meta.dirname, 'load.ts'));
    const [, others, holding] = children as [Child, Child, Child];
    const { port } = server;
    // Warm, without a pause.
    await others.ask('start', { port });
    await sleep(2000);
    await others.ask('stop');
    // Otherwise the spans that wait for their batch are in the first figure and not in the second.
    await server.ask('spans');
    await sleep(200);
    const before = await server.ask<{ used: number }>('heap');

    await holding.ask('start', { port, path: '/hold', connections: OPEN });
    const used = await heapWhileHeld(server, file);

    await others.ask('start', { port, pauseMs: PAUSE_MS });
    await sleep(500);
    await Promise.all([server.ask('lateness'), others.ask('latency')]);
    await sleep(MEASURED_MS);
    const [late, latency] = await Promise.all([
      server.ask<number>('lateness'),
      others.ask<{ median: number; p99: number }>('latency'),
    ]);
    return { heap: (used - before.used) / OPEN, late, ...latency };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

async function heapWhileHeld(server: Child, file: string): Promise<number> {
  for (let waited = 0; waited < 400; waited++) {
    const { held, used } = await server.ask<{ used: number; held: number }>('heap');
    if (held === OPEN) return used;
    await sleep(50);
  }
  throw new Error(`${file}: not all of ${OPEN} requests arrived`);
}
