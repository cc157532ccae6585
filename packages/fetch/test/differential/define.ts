import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CASES } from './cases.ts';
import { compare, type Detail, type DifferentialCase, type Platform } from './compare.ts';
import { RANDOM_CASE } from './random-case.ts';
import { type RawServers, startRawServers } from './raw-servers.ts';

/** The same every time; another one by the variable. */
const SEED = Number(process.env.DIFFERENTIAL_SEED ?? 20_261_127);
const RANDOM_CALLS = 300;

/** What the cases need to know about the run that they are part of. */
export interface DifferentialOptions {
  readonly name: string;
  readonly platform: Platform;
  readonly traced: typeof fetch;
  /** @default everything */
  readonly detail?: Detail;
  /** Whether calls put together at random are made, too. @default true */
  readonly random?: boolean;
  /** Leaves out what this way of sending is documented to do otherwise. */
  readonly except?: (one: DifferentialCase) => boolean;
  /** Whether each request on the wire has a span; where it has not, this is not checked. */
  readonly spans?: { reset(): void; ended(): number; open(): number };
}

/** As far as `vitest` and `node:test` agree. */
interface Runner {
  describe(title: string, body: () => void): unknown;
  it(title: string, body: () => Promise<void>): unknown;
  after(body: () => Promise<void>): unknown;
}

/** Registers one test per call of the table, and one for calls put together at random. */
export function defineDifferential({ describe, it, after }: Runner, options: DifferentialOptions): void {
  const { platform, traced, spans, detail, except = () => false } = options;
  let servers: Promise<RawServers> | undefined;
  const run = async (one: DifferentialCase) => {
    servers ??= startRawServers();
    spans?.reset();
    const { requests, hangs } = await compare(one, platform, traced, await servers, detail);
    if (spans === undefined || hangs) return;
    assert.equal(spans.open(), 0, 'spans left open');
    if (requests > 0) assert.equal(spans.ended(), requests, 'spans of requests on the wire');
  };
  describe(`as ${options.name}`, () => {
    for (const one of CASES) if (!except(one)) it(one.title, () => run(one));
    if (options.random ?? true)
      it(`${RANDOM_CALLS} calls at random, seed ${SEED}`, async () => {
        await fc.assert(fc.asyncProperty(RANDOM_CASE, run), { seed: SEED, numRuns: RANDOM_CALLS });
      });
    after(async () => (await servers)?.close());
  });
}
