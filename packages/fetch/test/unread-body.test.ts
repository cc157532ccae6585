import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SpanStatusCode } from '@opentelemetry/api';
import { createTracedFetch } from '@throughline/fetch';
import { fetch as undiciFetch } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  closeServers,
  listen,
  type Recorder,
  startSdk,
  stopSdk,
  withResolvers,
} from '../../core/test/sdk.ts';

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

let spans: Recorder;
beforeEach(() => {
  spans = startSdk();
});
afterEach(async () => {
  await closeServers();
  stopSdk();
});

/** A server that writes a head and a part, and what it answers by. */
async function held() {
  const started = withResolvers<ServerResponse>();
  const closed = withResolvers<void>();
  const port = await listen((_, res) => {
    res.on('close', closed.resolve);
    res.write('first ');
    started.resolve(res);
  });
  return { url: `http://127.0.0.1:${port}/`, started: started.promise, closed: closed.promise };
}

/** Collects garbage until the span has ended; what is reachable would never get there. */
async function collected(): Promise<void> {
  for (let round = 0; round < 50 && spans.ended.length === 0; round++) {
    gc();
    await sleep(2);
  }
}

describe.each([
  ['the global fetch', undefined],
  ['undici’s fetch', undiciFetch as unknown as typeof globalThis.fetch],
  ['any other', ((...args) => globalThis.fetch(...args)) as typeof globalThis.fetch],
])('a body that nobody reads, over %s', (_, given) => {
  const fetch = createTracedFetch({ endOn: 'body', ...(given && { fetch: given }) });

  test('ends its span when the response is garbage, and frees the connection', async () => {
    const { url, closed } = await held();
    await (async () => {
      const { status } = await fetch(url);
      expect(status).toBe(200);
    })();
    expect(spans.open).toBe(1);
    await collected();
    const span = await spans.one();
    expect(span.attributes).toMatchObject({ 'http.response.status_code': 200 });
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    await closed;
  });

  test('also when a part of it was read, or a clone was made', async () => {
    for (const use of [
      async (response: Response) => void (await response.body?.getReader().read()),
      async (response: Response) => void response.clone(),
    ]) {
      const { url } = await held();
      await (async () => use(await fetch(url)))();
      await collected();
      await spans.one();
    }
  });

  test('lives as long as somebody can still read it', async () => {
    const { url, started } = await held();
    const { body } = await fetch(url);
    for (let round = 0; round < 5; round++) {
      gc();
      await sleep(2);
    }
    expect(spans.open).toBe(1);
    (await started).end('last');
    expect(await new Response(body).text()).toBe('first last');
    await spans.one();
  });

  test('ends its span with the error when the connection breaks', async () => {
    const { url, started } = await held();
    const response = await fetch(url);
    (await started).destroy();
    const span = await spans.one();
    expect(span.attributes['error.type']).toMatch(/UND_ERR_SOCKET|ECONNRESET|TypeError/);
    expect(span.attributes['http.response.status_code']).toBe(200);
    await expect(response.text()).rejects.toThrow();
    expect(spans.ended).toEqual([]);
  });

  test('is no error when its caller gives it up', async () => {
    const { url } = await held();
    const controller = new AbortController();
    const response = await fetch(url, { signal: controller.signal });
    controller.abort();
    expect((await spans.one()).attributes['error.type']).toBeUndefined();
    await expect(response.text()).rejects.toThrow();
  });
});
