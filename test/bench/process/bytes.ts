// Counts what one request allocates and calls: `bytes.ts <framework> <variant file> <warm-up> <most> <plan>`, where
// warm-up and most are requests, before the first turn and in a turn, and the plan is a RequestPlan. Prints JSON.
import { type Calls, countCalls } from './counted-calls.ts';
import { exported } from './exported.ts';
import { createMeasured } from './frameworks.ts';
import { type RequestPlan, requestBytes } from './load.ts';
import { MemoryConnection } from './memory-connection.ts';
import type { Framework, Variant } from './variant.ts';

/** Bytes per request whose caller has sampled it, and whose caller has not. */
export interface Bytes {
  readonly sampled: number;
  readonly unsampled: number;
}

/** What the process prints. */
export interface Counted extends Bytes {
  readonly calls: { readonly sampled: Calls; readonly unsampled: Calls };
}

const [framework, file, warmUp, most, planned = '{}'] = process.argv.slice(2) as [
  Framework,
  string,
  string,
  string,
  string?,
];
const variant = ((await import(`../variants/${file}`)) as { default: Variant }).default;
await variant.start?.(framework);
const connection = new MemoryConnection(await createMeasured(framework, variant));

const DIFFERENT = 512;
const TURNS = 5;
/** Bytes per turn, which the young generation has room for: nothing is collected in between. */
const ROOM = 150_000_000;

const plan: RequestPlan = { ...JSON.parse(planned), sentryTrace: variant.sentryTrace === true };
const requests = [true, false].map((sampled) =>
  Array.from({ length: DIFFERENT }, () => requestBytes({ ...plan, sampled })),
);

async function serve(sampled: boolean, count: number): Promise<void> {
  variant.setSampled?.(sampled);
  const own = requests[sampled ? 0 : 1] as Buffer[];
  for (let n = 0; n < count; n++) await connection.request(own[n % DIFFERENT] as Buffer);
}

/** Between two collections: what was allocated is what is there. */
async function bytesOf(sampled: boolean, count: number): Promise<number> {
  // What earlier requests left to be done later is no cost of the next.
  await exported.flush();
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  await serve(sampled, count);
  return (process.memoryUsage().heapUsed - before) / count;
}

for (let done = 0; done < Number(warmUp); done += 1000) {
  await serve(true, 500);
  await serve(false, 500);
}
const count = Math.min(Number(most), Math.round(ROOM / (await bytesOf(true, 200))));
const turns: Bytes[] = [];
for (let turn = 0; turn < TURNS; turn++)
  turns.push({ sampled: await bytesOf(true, count), unsampled: await bytesOf(false, count) });
const middle = (values: number[]) => values.sort((a, b) => a - b)[TURNS >> 1] as number;
const callsOf = async (sampled: boolean) => countCalls(() => serve(sampled, 1));
const counted: Counted = {
  sampled: middle(turns.map(({ sampled }) => sampled)),
  unsampled: middle(turns.map(({ unsampled }) => unsampled)),
  calls: { sampled: await callsOf(true), unsampled: await callsOf(false) },
};
console.log(JSON.stringify(counted));
process.exit();
