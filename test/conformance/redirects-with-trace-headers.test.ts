import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { trace } from '@opentelemetry/api';
import { withBaggage } from '@throughline/core';
import { tracedFetch, traceHeaders } from '@throughline/fetch';
import axios from 'axios';
import got from 'got';
import ky from 'ky';
import nodeFetch from 'node-fetch';
import superagent from 'superagent';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSdk, stopSdk } from '../../packages/core/test/sdk.ts';

const FIELDS = ['traceparent', 'tracestate', 'baggage'];
const servers = [createServer(), createServer()] as const;
const seen: Record<'home' | 'stranger', IncomingHttpHeaders[]> = { home: [], stranger: [] };
let url: string;

beforeAll(async () => {
  startSdk();
  const [home, stranger] = servers;
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  const port = (server: typeof home) => (server.address() as AddressInfo).port;
  home.on('request', (req, res) => {
    seen.home.push(req.headers);
    res.writeHead(302, { location: `http://localhost:${port(stranger)}/end` }).end();
  });
  stranger.on('request', (req, res) => {
    seen.stranger.push(req.headers);
    res.end('done');
  });
  url = `http://127.0.0.1:${port(home)}/start`;
});
afterAll(async () => {
  stopSdk();
  for (const server of servers) {
    server.closeAllConnections();
    await once(server.close(), 'close');
  }
});

/** Makes the call within a span and with baggage; returns what the stranger was told. */
async function toldByRedirect(call: () => PromiseLike<unknown>): Promise<string[]> {
  seen.home.length = 0;
  seen.stranger.length = 0;
  await trace.getTracer('application').startActiveSpan('caller', (span) =>
    withBaggage({ tenant: 'acme' }, async () => {
      await call();
      span.end();
    }),
  );
  expect(seen.home[0]?.traceparent, 'the origin that was named is told').toBeDefined();
  expect(seen.stranger, 'the redirect was followed').toHaveLength(1);
  return FIELDS.filter((name) => seen.stranger[0]?.[name] !== undefined);
}

const withoutFields = (headers: Record<string, unknown>) => {
  for (const name of FIELDS) delete headers[name];
};

/** What clients do with headers that they were given when they follow a redirect to another origin. */
describe('traceHeaders() given to a client that follows redirects itself', () => {
  test.each<[string, () => PromiseLike<unknown>]>([
    ['axios', () => axios.get(url, { headers: traceHeaders(url) })],
    ['got', () => got(url, { headers: traceHeaders(url) })],
    ['ky', () => ky(url, { headers: traceHeaders(url) })],
    ['node-fetch', () => nodeFetch(url, { headers: traceHeaders(url) })],
    ['superagent', () => superagent.get(url).set(traceHeaders(url))],
    ['fetch', () => fetch(url, { headers: traceHeaders(url) })],
  ])('%s carries them along, which the page says in bold', async (_, call) => {
    expect(await toldByRedirect(call)).toEqual(['traceparent', 'baggage']);
  });

  test.each<[string, () => PromiseLike<unknown>]>([
    [
      'axios, which has a hook',
      () =>
        axios.get(url, {
          headers: traceHeaders(url),
          beforeRedirect: (options) => withoutFields(options.headers),
        }),
    ],
    [
      'got, which has a hook',
      () =>
        got(url, {
          headers: traceHeaders(url),
          hooks: { beforeRedirect: [(options) => withoutFields(options.headers)] },
        }),
    ],
    ['ky, which takes a fetch', () => ky(url, { fetch: tracedFetch as typeof fetch })],
    [
      'node-fetch, which need not follow',
      async () => {
        const { headers } = await nodeFetch(url, { headers: traceHeaders(url), redirect: 'manual' });
        return nodeFetch(String(headers.get('location')));
      },
    ],
    [
      'superagent, which need not follow',
      async () => {
        const answer = superagent
          .get(url)
          .set(traceHeaders(url))
          .redirects(0)
          .ok(({ status }) => status < 400);
        return superagent.get(String((await answer).headers.location));
      },
    ],
    ['tracedFetch', () => tracedFetch(url)],
  ])('%s: told to, it keeps them', async (_, call) => {
    expect(await toldByRedirect(call)).toEqual([]);
  });
});
