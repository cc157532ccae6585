import type { Contender } from './duel.ts';
import type { Installation } from './installation.ts';
import type { Variant } from './process/variant.ts';

/** A variant of the tables, with where it runs. */
export interface Entry extends Contender {
  /** Key of its results. */
  readonly id: string;
  readonly variant: Variant;
  /** Whether a goal is about it. It then runs in every round; the others in one. */
  readonly decides: boolean;
}

export const BARE = 'bare';
export const FLOOR = 'floor';
export const LIMIT = 'limit-full';
export const OFFICIAL = 'official';
export const OURS = 'throughline';
export const RECORDER = 'throughline-recorder';

/** In the order of the tables. */
const FILES = [
  'bare.ts',
  'floor.ts',
  'hand-written.ts',
  'limit-full.ts',
  'throughline.ts',
  'throughline-recorder.ts',
  'throughline-metrics.ts',
  'throughline-everything.ts',
  'throughline-no-sdk.ts',
  'official.mjs',
  'fastify-otel.mjs',
  'dd-trace.mjs',
  'sentry-10.mjs',
  'sentry-11.mjs',
];
const DECIDING: readonly string[] = [BARE, FLOOR, LIMIT, OURS, RECORDER, OFFICIAL];
/** What they cost, the other figures and the bytes show well enough. Sentry 10 has its successor beside it. */
const ONLY_IN_FULL: readonly string[] = [
  'hand-written',
  'throughline-metrics',
  'throughline-everything',
  'throughline-no-sdk',
  'sentry-10',
];
const ON_SDK_2 = ['floor.ts', 'throughline.ts'];

/**
 * Returns the variants whose packages could be installed, in the order of the tables; with SDK 2 too when that is installed.
 *
 * @param full Whether to return those as well that no goal is about and that another one stands for.
 */
export async function contenders(
  installations: ReadonlyMap<string, Installation>,
  full: boolean,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const file of FILES) {
    const { default: variant } = (await import(`./variants/${file}`)) as { default: Variant };
    const id = file.replace(/\.\w+$/, '');
    if (!full && ONLY_IN_FULL.includes(id)) continue;
    const decides = DECIDING.includes(id);
    const installation = installations.get(variant.installation ?? 'otel');
    if (installation !== undefined) entries.push({ id, file, installation, variant, decides });
    const sdk2 = ON_SDK_2.includes(file) ? installations.get('otel2') : undefined;
    if (sdk2 !== undefined)
      entries.push({
        id: `${id}-sdk2`,
        file,
        decides,
        installation: sdk2,
        env: { BENCH_SDK: '2' },
        variant: { ...variant, title: `${variant.title} (SDK 2.12)` },
      });
  }
  return entries;
}
