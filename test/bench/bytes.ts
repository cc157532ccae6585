/**
 * Counts the bytes that a request allocates, by variant and framework, and prints the table of docs/performance.md.
 *
 *   node test/bench/bytes.ts [--only http,express,…] [--variants floor,throughline,…] [--runs N] [--peers]
 *
 * Node's own server, parser and response run over a connection in memory, in a process per variant: no kernel, no load
 * generator, and no clock. So the figures are the same on a busy machine. Our variants run from this workspace as it is
 * built; `--peers` installs and adds those of others.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { type Installation, installAll, PEER_INSTALLATIONS } from './installation.ts';
import type { Bytes } from './process/bytes.ts';
import type { RequestPlan } from './process/load.ts';
import type { Framework, Variant } from './process/variant.ts';
import { median } from './statistics.ts';

export const FRAMEWORKS: readonly Framework[] = ['http', 'express', 'fastify', 'koa'];

/** In the order of the table. */
const OURS = [
  'bare.ts',
  'floor.ts',
  'hand-written.ts',
  'limit-full.ts',
  'throughline.ts',
  'throughline-recorder.ts',
  'throughline-official-propagators.ts',
  'throughline-metrics.ts',
  'throughline-no-sdk.ts',
];
const PEERS = ['official.mjs', 'fastify-otel.mjs', 'dd-trace.mjs', 'sentry-10.mjs', 'sentry-11.mjs'];

/**
 * One thread, so that the optimizing compiler finishes at the same request in every run, and one such compiler; a young
 * generation that holds a whole turn.
 */
const FLAGS = [
  '--expose-gc',
  '--single-threaded',
  '--no-maglev',
  '--min-semi-space-size=256',
  '--max-semi-space-size=256',
];
const WARM_UP = '20000';
/** Requests in a turn: more make it no steadier. */
const MOST = '2000';

/** What a request allocates with one variant, in all: medians of the runs, with the least and the most. */
export interface BytesRow {
  readonly id: string;
  readonly title: string;
  /** By framework. A variant that a framework cannot have has none. */
  readonly bytes: Readonly<Record<string, { readonly [mode in keyof Bytes]: readonly number[] }>>;
}

export interface BytesOptions {
  readonly frameworks: readonly Framework[];
  /** Ids of variants. Absent: all. */
  readonly variants?: readonly string[] | undefined;
  readonly runs: number;
  readonly peers: boolean;
  progress(what: string): void;
}

export async function measureBytes({ frameworks, variants, runs, peers, progress }: BytesOptions): Promise<{
  bytes: BytesRow[];
  versions: Record<string, string>;
  missing: Record<string, string>;
}> {
  const { installations, missing } = peers
    ? await installAll(['otel', ...PEER_INSTALLATIONS])
    : { installations: new Map<string, Installation>(), missing: [] };
  const left = Object.fromEntries(missing);
  const rows: BytesRow[] = [];
  for (const file of peers ? [...OURS, ...PEERS] : OURS) {
    const id = file.replace(/\.\w+$/, '');
    if (variants?.includes(id) === false) continue;
    const folder = OURS.includes(file)
      ? import.meta.dirname
      : installations.get(await installationOf(file))?.folder;
    if (folder === undefined) continue;
    const { default: variant } = (await import(`./variants/${file}`)) as { default: Variant };
    const bytes: Record<string, { sampled: number[]; unsampled: number[] }> = {};
    for (const framework of frameworks) {
      if (variant.only !== undefined && variant.only !== framework) continue;
      const all: Bytes[] = [];
      try {
        for (let run = 0; run < runs; run++) all.push(await bytesOf(folder, framework, file));
      } catch (error) {
        // A peer that cannot run over a connection in memory has no figure; one of ours must.
        if (OURS.includes(file)) throw error;
        left[`${id} on ${framework}`] = 'it does not run in memory';
        progress(`bytes of ${id} on ${framework} are left out: ${String(error).split('\n', 1)[0]}`);
        continue;
      }
      bytes[framework] = {
        sampled: all.map(({ sampled }) => sampled),
        unsampled: all.map(({ unsampled }) => unsampled),
      };
      progress(`bytes of ${id} on ${framework}: ${all.map(({ sampled }) => Math.round(sampled)).join(', ')}`);
    }
    rows.push({ id, title: variant.title, bytes });
  }
  const versions = [...installations.values()].reverse().map((installation) => installation.versions);
  return { bytes: rows, versions: Object.assign({}, ...versions), missing: left };
}

async function installationOf(file: string): Promise<string> {
  const { default: variant } = (await import(`./variants/${file}`)) as { default: Variant };
  return variant.installation ?? 'otel';
}

/** Returns what a request of a variant that is installed in `folder` allocates. */
export async function bytesOf(
  folder: string,
  framework: Framework,
  file: string,
  plan: RequestPlan = {},
  env: Record<string, string> = {},
): Promise<Bytes> {
  const args = [
    ...FLAGS,
    join(folder, 'process/bytes.ts'),
    framework,
    file,
    WARM_UP,
    MOST,
    JSON.stringify(plan),
  ];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
  });
  return JSON.parse(stdout);
}

/** Returns the table of a mode: bytes above the bare server, and how many times those of the floor and of the limit. */
export function bytesTable(
  rows: readonly BytesRow[],
  mode: keyof Bytes,
  titles: Record<string, string>,
): string {
  const of = (id: string, framework: string) => {
    const runs = rows.find((row) => row.id === id)?.bytes[framework]?.[mode];
    return runs === undefined ? undefined : median(runs);
  };
  const frameworks = Object.keys(rows[0]?.bytes ?? {});
  const cell = ({ id, bytes }: BytesRow, framework: string) => {
    const runs = bytes[framework]?.[mode];
    if (runs === undefined) return '–';
    const bare = of('bare', framework) ?? Number.NaN;
    const added = median(runs) - bare;
    if (id === 'bare') return Math.round(median(runs)).toLocaleString('en');
    const share = (base: string) => {
      const total = of(base, framework);
      return total === undefined ? '–' : (added / (total - bare)).toFixed(2);
    };
    const spread = Math.max(...runs) - Math.min(...runs);
    // More uncertain than the two places of the shares show.
    const rough = spread > 0.05 * Math.abs(added) ? '≈ ' : '';
    return `${rough}${Math.round(added).toLocaleString('en')} (${share('floor')}, ${share('limit-full')})`;
  };
  return [
    `| ${mode} | ${frameworks.map((name) => titles[name] ?? name).join(' | ')} |`,
    `|---|${'---:|'.repeat(frameworks.length)}`,
    ...rows.map(
      (row) =>
        `| ${row.id === 'bare' ? 'bare server, in all' : row.title} | ${frameworks.map((name) => cell(row, name)).join(' | ')} |`,
    ),
  ].join('\n');
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      variants: { type: 'string' },
      runs: { type: 'string', default: '1' },
      peers: { type: 'boolean', default: false },
    },
  });
  const { bytes: rows } = await measureBytes({
    frameworks: (values.only?.split(',') as Framework[] | undefined) ?? FRAMEWORKS,
    variants:
      values.variants === undefined
        ? undefined
        : ['bare', 'floor', 'limit-full', ...values.variants.split(',')],
    runs: Number(values.runs),
    peers: values.peers,
    progress: console.error,
  });
  console.log('Bytes per request above the bare server (times the floor, times the limit).\n');
  console.log(`${bytesTable(rows, 'sampled', {})}\n\n${bytesTable(rows, 'unsampled', {})}`);
}
