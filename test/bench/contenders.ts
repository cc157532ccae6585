import type { Contender } from './duel.ts';
import type { Installation } from './installation.ts';
import type { Variant } from './process/variant.ts';

/** A variant of the tables, with where it runs. */
export interface Entry extends Contender {
  /** Key of its results. */
  readonly id: string;
  readonly variant: Variant;
}

export const BARE = 'bare';
export const FLOOR = 'floor';
export const OFFICIAL = 'official';
export const OURS = 'throughline';

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
  'sentry.mjs',
];
const ON_SDK_2 = ['floor.ts', 'throughline.ts'];

/** Every variant whose packages could be installed, in the order of the tables; with SDK 2 too when that is installed. */
export async function contenders(installations: ReadonlyMap<string, Installation>): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const file of FILES) {
    const { default: variant } = (await import(`./variants/${file}`)) as { default: Variant };
    const id = file.replace(/\.\w+$/, '');
    const installation = installations.get(variant.installation ?? 'otel');
    if (installation !== undefined) entries.push({ id, file, installation, variant });
    const sdk2 = ON_SDK_2.includes(file) ? installations.get('otel2') : undefined;
    if (sdk2 !== undefined)
      entries.push({
        id: `${id}-sdk2`,
        file,
        installation: sdk2,
        env: { BENCH_SDK: '2' },
        variant: { ...variant, title: `${variant.title} (SDK 2.12)` },
      });
  }
  return entries;
}
