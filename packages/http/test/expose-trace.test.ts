import { once } from 'node:events';
import { request, type ServerResponse } from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { traceNodeExchange } from '@throughline/http';
import { createHttpServerTracer, type HttpServerOptions } from '@throughline/http-semantics';
import { W3CTraceContextPropagator } from '@throughline/propagators';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  closeServers,
  listen,
  type Recorder,
  startSdk,
  stopSdk,
  TRACE_ID,
  TRACEPARENT,
} from '../../core/test/sdk.ts';

let spans: Recorder;
beforeEach(() => {
  spans = startSdk();
});
afterEach(async () => {
  await closeServers();
  stopSdk();
});

type Answer = (res: ServerResponse) => unknown;

/** Raw response headers, with the ids in them. */
async function respond(
  answer: Answer,
  options: HttpServerOptions | undefined,
  headers: Record<string, string> = {},
) {
  const tracer = createHttpServerTracer(options);
  const port = await listen((req, res) =>
    options === undefined ? answer(res) : traceNodeExchange(tracer, req, res).run(() => answer(res)),
  );
  const sent = request({ port, host: '127.0.0.1', headers, agent: false });
  sent.end();
  const [response] = await once(sent, 'response');
  let body = '';
  for await (const chunk of response) body += chunk;
  const pairs: [string, string][] = [];
  for (let at = 0; at < response.rawHeaders.length; at += 2)
    if (response.rawHeaders[at] !== 'Date')
      pairs.push([response.rawHeaders[at], response.rawHeaders[at + 1]]);
  return {
    status: `${response.statusCode} ${response.statusMessage}`,
    pairs,
    body,
    headers: response.headers as Record<string, string>,
  };
}

const TIMING: HttpServerOptions = { exposeTrace: 'server-timing' };

test('tells the ids of the span, by either header', async () => {
  const timing = await respond((res) => res.end(), TIMING);
  const { traceId, spanId } = (await spans.one()).spanContext();
  expect(timing.headers['server-timing']).toBe(`trace;desc=00-${traceId}-${spanId}-01`);
  const response = await respond((res) => res.end(), { exposeTrace: 'traceresponse' });
  const other = (await spans.one()).spanContext();
  expect(response.headers.traceresponse).toBe(`00-${other.traceId}-${other.spanId}-01`);
});

test('tells nothing by default, to the untrusted, and when there is no trace', async () => {
  const silent = async (options: HttpServerOptions, headers = {}) =>
    expect((await respond((res) => res.end(), options, headers)).headers['server-timing']).toBeUndefined();
  await silent({});
  for (const trust of ['restart', 'ignore'] as const)
    await silent({ ...TIMING, trust }, { traceparent: TRACEPARENT });
  await silent({ ...TIMING, ignore: () => true });
  stopSdk();
  await silent(TIMING);
});

test('tells an unsampled caller so', async () => {
  const { headers } = await respond((res) => res.end(), TIMING, {
    traceparent: TRACEPARENT.replace(/01$/, '00'),
  });
  expect(headers['server-timing']).toMatch(new RegExp(`^trace;desc=00-${TRACE_ID}-[0-9a-f]{16}-00$`));
});

describe('the application’s own headers arrive as without it', () => {
  const ANSWERS: [string, Answer][] = [
    ['end()', (res) => res.end('x')],
    ['setHeader', (res) => res.setHeader('X-Own', '1').setHeader('Set-Cookie', ['a=1', 'b=2']).end('x')],
    ['writeHead(status)', (res) => res.writeHead(201).end('x')],
    [
      'writeHead with an object',
      (res) => res.writeHead(201, { 'X-Own': '1', 'Set-Cookie': ['a=1', 'b=2'], 'X-Number': 7 }).end('x'),
    ],
    [
      'writeHead over setHeader',
      (res) => res.setHeader('X-Own', '1').setHeader('X-Kept', '2').writeHead(200, { 'x-own': '3' }).end('x'),
    ],
    ['writeHead with a message', (res) => res.writeHead(200, 'Fine').end('x')],
    [
      'writeHead with a message and an object',
      (res) => res.writeHead(200, 'Fine', { 'X-Own': '1' }).end('x'),
    ],
    [
      'writeHead with a flat array',
      (res) => res.writeHead(200, ['X-Own', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end('x'),
    ],
    [
      'writeHead with a message and a flat array',
      (res) => res.writeHead(200, 'Fine', ['X-Own', '1']).end('x'),
    ],
    [
      'flushHeaders',
      (res) => {
        res.setHeader('X-Own', '1');
        res.flushHeaders();
        res.end('x');
      },
    ],
    [
      'write and end',
      (res) => {
        res.write('x');
        res.end('y');
      },
    ],
    ['no body', (res) => res.writeHead(204, { 'X-Own': '1' }).end()],
    [
      'a header that is illegal, then another answer',
      (res) => {
        try {
          res.writeHead(200, { 'X-Own': 'a\nb' });
        } catch (error) {
          res.writeHead(500, { 'X-Code': String((error as NodeJS.ErrnoException).code) }).end();
        }
      },
    ],
    [
      'a status that is illegal, then another answer',
      (res) => {
        try {
          res.writeHead(99);
        } catch (error) {
          res.writeHead(500, { 'X-Code': String((error as NodeJS.ErrnoException).code) }).end();
        }
      },
    ],
    [
      'an undefined value, then another answer',
      (res) => {
        try {
          res.writeHead(200, { 'X-Own': undefined });
        } catch (error) {
          res.writeHead(500, { 'X-Code': String((error as NodeJS.ErrnoException).code) }).end();
        }
      },
    ],
    [
      'a head written twice',
      (res) => {
        res.writeHead(200);
        try {
          res.writeHead(201, { a: '1' });
        } catch (error) {
          res.end((error as Error).message);
        }
      },
    ],
    [
      'a trailer',
      (res) => {
        res.writeHead(200, { Trailer: 'X-T' });
        res.addTrailers({ 'X-T': '1' });
        res.end('x');
      },
    ],
  ];
  test.each(ANSWERS)('%s', async (_, answer) => {
    const bare = await respond(answer, undefined);
    const { pairs, ...ours } = await respond(answer, TIMING);
    const added = pairs.filter(([name]) => name.toLowerCase() === 'server-timing');
    const sorted = (list: [string, string][]) => list.map((pair) => pair.join(': ')).sort();
    expect(added.map(([, value]) => value.split('trace;desc=').length)).toEqual([2]);
    expect(sorted(pairs.filter((pair) => !added.includes(pair)))).toEqual(sorted(bare.pairs));
    expect([ours.status, ours.body]).toEqual([bare.status, bare.body]);
  });
});

describe('joins what is there', () => {
  test.each<[string, Answer]>([
    ['by setHeader', (res) => res.setHeader('Server-Timing', 'db;dur=5').end()],
    ['by writeHead', (res) => res.writeHead(200, { 'server-timing': 'db;dur=5' }).end()],
    ['as a list', (res) => res.setHeader('Server-Timing', ['db;dur=5']).end()],
    ['in a flat array', (res) => res.writeHead(200, ['Server-Timing', 'db;dur=5']).end()],
  ])('Server-Timing %s', async (_, answer) => {
    const { headers } = await respond(answer, TIMING);
    expect(headers['server-timing']).toMatch(/^db;dur=5, trace;desc=00-/);
  });

  test.each<[Record<string, string>, string | undefined]>([
    [{}, undefined],
    [{ 'Access-Control-Expose-Headers': 'X-Own' }, 'X-Own'],
    [{ 'Access-Control-Allow-Origin': '*' }, 'Server-Timing'],
    [
      { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'X-Own' },
      'X-Own, Server-Timing',
    ],
    [
      { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'x-own, server-timing' },
      'x-own, server-timing',
    ],
    [{ 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': '*' }, '*'],
  ])('Access-Control-Expose-Headers: %j', async (own, expected) => {
    for (const answer of [
      (res: ServerResponse) => res.writeHead(200, own).end(),
      (res: ServerResponse) => {
        for (const name in own) res.setHeader(name, own[name] as string);
        res.end();
      },
    ]) {
      const { headers } = await respond(answer, TIMING);
      expect(headers['access-control-expose-headers']).toBe(expected);
    }
  });
});

test('over http2', async () => {
  const tracer = createHttpServerTracer(TIMING);
  const server = http2.createServer((req, res) =>
    traceNodeExchange(tracer, req, res).run(() =>
      res.writeHead(200, { 'server-timing': 'db;dur=5', 'access-control-allow-origin': '*' }).end('x'),
    ),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const stream = client.request();
  const [headers] = await once(stream, 'response');
  expect(headers['server-timing']).toMatch(/^db;dur=5, trace;desc=00-/);
  expect(headers['access-control-expose-headers']).toBe('Server-Timing');
  stream.resume();
  await spans.one();
  client.destroy();
  server.close();
});

test('tells nothing to a caller that is not trusted, whether it brought a trace or not', async () => {
  for (const trust of ['restart', 'ignore'] as const)
    for (const headers of [{}, { traceparent: TRACEPARENT }])
      expect((await respond((res) => res.end(), { ...TIMING, trust }, headers)).headers).not.toHaveProperty(
        'server-timing',
      );
});

test('sends the flags that the propagator would send on, the caller’s random flag among them', async () => {
  const propagator = new W3CTraceContextPropagator();
  const random = `${TRACEPARENT.slice(0, -2)}03`;
  const { headers } = await respond((res) => res.end(), { ...TIMING, propagator }, { traceparent: random });
  expect(headers['server-timing']).toMatch(new RegExp(`^trace;desc=00-${TRACE_ID}-[0-9a-f]{16}-03$`));
});
