import { createTracedFetch } from '@throughline/fetch';
import * as undici from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Recorder, startSdk, stopSdk } from '../../core/test/sdk.ts';
import { CASES } from './differential/cases.ts';
import { compare, type Platform } from './differential/compare.ts';
import { type RawServers, startRawServers } from './differential/raw-servers.ts';

let servers: RawServers;
let spans: Recorder;
beforeAll(async () => {
  servers = await startRawServers();
  spans = startSdk();
});
afterAll(async () => {
  stopSdk();
  await servers.close();
});

const PLATFORMS: Readonly<Record<string, { platform: Platform; traced: typeof fetch }>> = {
  'the global fetch': { platform: globalThis as Platform, traced: createTracedFetch() as typeof fetch },
  'the fetch of undici 8': {
    platform: undici as unknown as Platform,
    traced: createTracedFetch({ fetch: undici.fetch as never }) as typeof fetch,
  },
};

describe.each(Object.entries(PLATFORMS))('as %s', (_, { platform, traced }) => {
  test.each(CASES.map((one) => [one.title, one] as const))('%s', async (_, one) => {
    spans.ended.length = 0;
    const { requests } = await compare(one, platform, traced, servers);
    expect(spans.open).toBe(0);
    if (requests > 0) expect(spans.ended).toHaveLength(requests);
  });
});
