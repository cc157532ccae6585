import { type Child, sleep, startChild } from './child.ts';
import type { Installation } from './installation.ts';
import type { LoadPlan } from './process/load.ts';
import type { Framework } from './process/variant.ts';
import { type Duel, shuffled } from './statistics.ts';

export type Mode = 'sampled' | 'unsampled';
export const MODES: readonly Mode[] = ['sampled', 'unsampled'];

/** A variant where it is installed. */
export interface Contender {
  readonly file: string;
  readonly installation: Installation;
  readonly env?: Record<string, string>;
}

/**
 * How long the phases of a duel last.
 *
 * Warming up matters more than measuring long: a traced request takes 90 000 repetitions until the compilers are done
 * with it, and several times its later cost until then. With fewer, compile time counts against the larger code.
 */
export interface Timing {
  readonly warmUpMs: number;
  readonly warmUpLimitMs: number;
  /** Requests that either side must have served before it is measured, within `warmUpLimitMs`. */
  readonly warmUpCount: number;
  readonly windowMs: number;
  /** Windows per mode. */
  readonly windows: number;
}

export const NORMAL: Timing = {
  warmUpMs: 2000,
  warmUpLimitMs: 25_000,
  warmUpCount: 90_000,
  windowMs: 500,
  windows: 3,
};
export const QUICK: Timing = {
  warmUpMs: 2000,
  warmUpLimitMs: 10_000,
  warmUpCount: 10_000,
  windowMs: 300,
  windows: 2,
};

interface Usage {
  readonly cpu: number;
  readonly count: number;
  readonly exported: number;
}

const HERE = import.meta.dirname;

/** Both servers at the same time on one processor, each with a load generator of its own on the other. */
export async function httpDuel(
  framework: Framework,
  base: Contender,
  variant: Contender,
  timing: Timing,
  plan: Partial<LoadPlan> = {},
  modes = MODES,
): Promise<Map<Mode, Duel>> {
  const children: Child[] = [];
  try {
    const servers: Child[] = [];
    for (const { file, installation, env } of [base, variant])
      servers.push(
        await startChild('measured', installation.folder, 'server.ts', [framework, file], {
          flags: ['--max-http-header-size=65536'],
          ...(env && { env }),
        }),
      );
    const loads = await Promise.all(servers.map(() => startChild('loading', HERE, 'load.ts')));
    children.push(...servers, ...loads);
    const drive = (command: string, sampled: boolean) =>
      Promise.all(
        loads.map((load, side) => load.ask(command, { ...plan, sampled, port: servers[side]?.port })),
      );
    const setMode = async (mode: Mode) => {
      const sampled = mode === 'sampled';
      await Promise.all(servers.map((server) => server.ask('sampled', sampled)));
      await drive('change', sampled);
    };
    await drive('start', modes[0] === 'sampled');
    const result = await measure(servers, modes, setMode, timing);
    const stopped = await Promise.all(loads.map((load) => load.ask<{ failures: number }>('stop')));
    if (stopped.some(({ failures }) => failures > 0))
      throw new Error(`${framework} ${variant.file}: requests failed (${JSON.stringify(stopped)})`);
    return result;
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

/** Both clients at the same time on one processor, calling one server each on the other. */
export async function clientDuel(
  base: Contender,
  variant: Contender,
  timing: Timing,
): Promise<Map<Mode, Duel>> {
  const children: Child[] = [];
  try {
    const clients: Child[] = [];
    for (const { file, installation, env } of [base, variant]) {
      const origin = await startChild('loading', HERE, 'origin.ts');
      children.push(origin);
      const client = await startChild('measured', installation.folder, 'client.ts', [file], {
        env: { ...env, BENCH_ORIGIN: `http://127.0.0.1:${origin.port}/` },
      });
      children.push(client);
      clients.push(client);
    }
    const setMode = async (mode: Mode) => {
      await Promise.all(clients.map((client) => client.ask('sampled', mode === 'sampled')));
    };
    await setMode('sampled');
    await Promise.all(clients.map((client) => client.ask('start', 8)));
    return await measure(clients, MODES, setMode, timing);
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

/** Both clients at the same time on one processor, each sending messages to itself through the broker at `url`. */
export async function messageDuel(
  client: string,
  url: string,
  { folder }: Installation,
  variant: string,
  timing: Timing,
): Promise<Map<Mode, Duel>> {
  const sides: Child[] = [];
  try {
    for (const file of ['bare', variant])
      sides.push(
        await startChild('measured', folder, 'messages.ts', [client, file], { env: { BROKER_URL: url } }),
      );
    const setMode = async (mode: Mode) => {
      await Promise.all(sides.map((side) => side.ask('sampled', mode === 'sampled')));
    };
    await setMode('sampled');
    await Promise.all(sides.map((side) => side.ask('start')));
    return await measure(sides, MODES, setMode, timing);
  } finally {
    await Promise.all(sides.map((side) => side.stop()));
  }
}

async function measure(
  sides: readonly Child[],
  modes: readonly Mode[],
  setMode: (mode: Mode) => Promise<void>,
  timing: Timing,
): Promise<Map<Mode, Duel>> {
  const usages = () => Promise.all(sides.map((side) => side.ask<Usage>('usage')));
  for (const mode of modes) {
    await setMode(mode);
    const start = await usages();
    const share = timing.warmUpCount / modes.length;
    for (let waited = 0; waited < timing.warmUpLimitMs; waited += 100) {
      await sleep(100);
      const now = await usages();
      const least = Math.min(...now.map(({ count }, side) => count - (start[side]?.count ?? 0)));
      if (waited * modes.length >= timing.warmUpMs && least >= share) break;
    }
  }
  const totals = new Map(modes.map((mode) => [mode, sides.map(() => ({ cpu: 0, count: 0 }))]));
  for (let window = 0; window < timing.windows; window++) {
    for (const mode of shuffled(modes)) {
      await setMode(mode);
      await sleep(30);
      const before = await usages();
      await sleep(timing.windowMs);
      const after = await usages();
      for (const [side, total] of (totals.get(mode) ?? []).entries()) {
        total.cpu += (after[side]?.cpu ?? 0) - (before[side]?.cpu ?? 0);
        total.count += (after[side]?.count ?? 0) - (before[side]?.count ?? 0);
      }
    }
  }
  return new Map(
    [...totals].map(([mode, [base, variant]]) => [
      mode,
      { base: perOperation(base), variant: perOperation(variant) },
    ]),
  );
}

function perOperation(total: { cpu: number; count: number } | undefined): number {
  if (total === undefined || total.count === 0) throw new Error('nothing was served');
  return total.cpu / total.count;
}
