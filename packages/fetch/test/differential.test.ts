import { createTracedFetch } from '@throughline/fetch';
import * as undici from 'undici';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Recorder, startSdk, stopSdk } from '../../core/test/sdk.ts';
import { LOOSE, type Platform } from './differential/compare.ts';
import { defineDifferential } from './differential/define.ts';

let recorder: Recorder;
beforeAll(() => {
  recorder = startSdk();
});
afterAll(stopSdk);

const runner = {
  describe,
  it: (title: string, body: () => Promise<void>) => it(title, body, 120_000),
  after: afterAll,
};
const spans = {
  reset: () => {
    recorder.ended.length = 0;
  },
  ended: () => recorder.ended.length,
  open: () => recorder.open,
};

defineDifferential(runner, {
  name: 'the global fetch',
  platform: globalThis as Platform,
  traced: createTracedFetch() as typeof fetch,
  spans,
});
defineDifferential(runner, {
  name: 'the fetch of undici 8',
  platform: undici as unknown as Platform,
  traced: createTracedFetch({ fetch: undici.fetch as never }) as typeof fetch,
  spans,
});
defineDifferential(runner, {
  name: 'a function around the global fetch',
  platform: globalThis as Platform,
  traced: createTracedFetch({ fetch: (input, init) => fetch(input, init) }) as typeof fetch,
  detail: LOOSE,
  random: false,
  // A short stream in a Request is held and sent again, the referrer of a Request is kept, members are read in
  // another order: see ADR 19.
  except: ({ title }) =>
    /^Request( and init)?, (30[1278].*stream|referrer)|Request with referrer, init: (none|empty)|getter that throws after/.test(
      title,
    ),
});
