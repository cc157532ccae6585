import { createHttpServerTracer } from '@throughline/http-semantics';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Recorder, startSdk, stopSdk } from '../../core/test/sdk.ts';

let spans: Recorder;
beforeEach(() => {
  spans = startSdk();
});
afterEach(stopSdk);

const S = 'S3CRETvalue';

/** What a server is sent, and where in it the secret is. */
test.each<[string, { target?: string; headers?: Record<string, string | string[]>; redactQuery?: string[] }]>(
  [
    ['the query', { target: `/?sig=${S}` }],
    ['the query, encoded', { target: `/?sig=${S.replace('S', '%53')}` }],
    ['the query, by the user’s list', { target: `/?mine=${S}`, redactQuery: ['mine'] }],
    ['a matrix parameter', { target: `/a;token=${S}/b` }],
    ['an absolute target', { target: `http://user:${S}@shop.example/` }],
    ['a bearer token', { headers: { authorization: `Bearer ${S}` } }],
    ['basic credentials', { headers: { authorization: `Basic ${btoa(`user:${S}`)}` } }],
    ['a cookie', { headers: { cookie: `a=1; sid=${S}` } }],
    ['a key of its own', { headers: { 'x-api-key': [S] } }],
  ],
)('an error that quotes what came in %s is recorded without it', async (_, sent) => {
  const { target = '/', headers = {}, redactQuery } = sent;
  const options = {
    ...(redactQuery && { redactQuery }),
    captureRequestHeaders: Object.keys(headers),
    spanName: () => `GET ${target}`,
  };
  const exchange = createHttpServerTracer(options).start({ method: 'GET', target, scheme: 'http', headers });
  const error = new Error(`no such user: ${S}`, { cause: new Error(S) });
  exchange.fail(error);
  exchange.setRoute(target);
  exchange.end({ statusCode: 500 });
  const { name, attributes, events, status, links } = await spans.one();
  expect(events).toHaveLength(1);
  expect(JSON.stringify([name, attributes, events, status, links])).not.toContain(S);
  expect(error.message).toBe(`no such user: ${S}`);
});
