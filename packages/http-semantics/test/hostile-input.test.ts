import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import net from 'node:net';
import { injectContext } from '@throughline/core';
import { traceHeaders } from '@throughline/fetch';
import { traceNodeExchange } from '@throughline/http';
import {
  createHttpServerTracer,
  type HttpServerOptions,
  sampledBudget,
  toPath,
  trustWhen,
} from '@throughline/http-semantics';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  closeServers,
  createMeters,
  listen,
  type Recorder,
  startSdk,
  stopSdk,
  TRACEPARENT,
  within,
} from '../../core/test/sdk.ts';

const REQUESTS_PER_SETTING = 400;

/** The same sequence in every run, so that a difference that was found is found again. */
function createRandom(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  const pick = <T>(list: readonly T[]) => list[below(list.length)] as T;
  return { below, pick };
}

const NAMES = [
  'traceparent',
  'TraceParent',
  'tracestate',
  'baggage',
  'b3',
  'X-B3-TraceId',
  'uber-trace-id',
  'x-amzn-trace-id',
  'x-datadog-trace-id',
  'sentry-trace',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'user-agent',
  'cookie',
  'accept',
  '__proto__',
  'constructor',
  'x-secret',
  'server-timing',
  'origin',
  'x-own',
];

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'PROPFIND', 'M-SEARCH'];
const TARGETS = [
  '/',
  '/a',
  '/%ff%00',
  '*',
  '/?',
  '/?token=x&&=&sig',
  '//x//y',
  '/a#b?c',
  'http://evil.test/x',
  '/?%ZZ=%',
  '/../..',
  '/item/1',
  '/fail',
  '/throw',
  '/stream',
  '/status',
];

type Random = ReturnType<typeof createRandom>;

/** Legal enough for Node's parser to let it through, and otherwise as bad as it gets. */
function value({ below, pick }: Random): string {
  const bytes = (length: number, alphabet: string) =>
    Array.from({ length }, () => alphabet[below(alphabet.length)]).join('');
  switch (below(12)) {
    case 0:
      return TRACEPARENT;
    case 1:
      return TRACEPARENT.toUpperCase();
    case 2:
      return `${TRACEPARENT}, ${TRACEPARENT}`;
    case 3:
      return TRACEPARENT.slice(0, below(56)) + bytes(below(4), '-0fgz ');
    case 4:
      return bytes(below(3_000), ',;= %\t');
    case 5:
      return bytes(below(200), '0123456789abcdef-');
    case 6:
      return Array.from({ length: below(400) }, (_, at) => `k${at}=v`).join(',');
    case 7:
      return bytes(below(100), '\x80\xa0\xfe\xff%!"~');
    case 8:
      return `${pick(NAMES)}=${bytes(below(50), '%0Aa"\\')};__proto__=1,constructor=2`;
    case 9:
      return '';
    case 10:
      return bytes(below(8_000), 'x');
    default:
      return pick([
        'for="[::',
        'for=unknown;proto=javascript',
        '[::1',
        'a@b:99999',
        '00-',
        'ff-ff',
        '1',
        'd',
        'NaN',
        '-1',
        '%',
        '%E0%A4%A',
        '__proto__',
      ]);
  }
}

function hostileRequest(random: Random): string {
  const { below, pick } = random;
  const lines = [
    `${pick(METHODS)} ${pick(TARGETS)} HTTP/1.1`,
    `host: ${pick(['x', 'x:80', '[::1]:1', 'x:99999', '@', 'a b', ''])}`,
  ];
  let size = 0;
  for (let count = below(12); count > 0; count--) {
    const line = `${pick(NAMES)}: ${value(random)}`;
    // Beyond 16 KB Node itself answers, with 431.
    if (size + line.length > 12_000) continue;
    size += line.length;
    lines.push(line);
  }
  return `${lines.join('\r\n')}\r\nconnection: close\r\n\r\n`;
}

function handle(req: IncomingMessage, res: ServerResponse): void {
  const path = req.url ?? '';
  if (path === '/throw') {
    res.writeHead(500, { 'x-handled': 'yes' }).end('thrown');
  } else if (path === '/stream') {
    res.writeHead(200, ['X-A', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']);
    res.write('one ');
    setImmediate(() => res.end('two'));
  } else if (path === '/fail') {
    res.statusCode = 503;
    res.setHeader('Retry-After', '1').end('busy');
  } else {
    // The names alone: a value would only be our own header come back.
    res.end(`${req.method} ${path} ${Object.keys(req.headers).join()}`);
  }
}

/** All bytes of the response but the date. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = net
    .connect(port, '127.0.0.1')
    .setEncoding('latin1')
    .on('error', () => {});
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write(bytes, 'latin1');
  await within(once(socket, 'close'), 'the response to a hostile request');
  return text.replace(/^Date: .*\r\n/m, '');
}

const boom = (): never => {
  throw new Error('hostile');
};
const reject = async () => boom();
const unreadable = () => new Proxy({}, { get: boom, ownKeys: boom, getOwnPropertyDescriptor: boom });
const FAULTS: [string, () => unknown][] = [
  ['throws', boom],
  ['rejects', reject],
  [
    'throws undefined',
    () => {
      throw undefined;
    },
  ],
  ['returns what cannot be read', unreadable],
  ['returns a symbol', () => Symbol('x')],
];
const CALLBACKS = ['ignore', 'trust', 'spanName', 'attributes', 'requestHook', 'responseHook'];

const meters = createMeters();
const EVERYTHING: HttpServerOptions = {
  meterProvider: meters.provider,
  activeRequests: true,
  trustProxy: true,
  captureRequestHeaders: NAMES,
  captureResponseHeaders: ['x-a', 'set-cookie', 'retry-after'],
  baggageAttributes: ['k1', '__proto__', 'constructor'],
  trust: trustWhen(toPath('/a'), {
    otherwise: { parent: 'continue', baggage: ['k1'], sampled: sampledBudget({ perSecond: 1_000 }) },
  }),
};

const SETTINGS: [string, HttpServerOptions][] = [
  ['the defaults', {}],
  ['every option', EVERYTHING],
  ...CALLBACKS.flatMap((name) =>
    FAULTS.map(([fault, fn]): [string, HttpServerOptions] => [`${name} that ${fault}`, { [name]: fn }]),
  ),
  ['trust that is undecided', { trust: (() => ({ parent: 'continue', baggage: 7 })) as never }],
  ['sampled that throws', { trust: { parent: 'continue', sampled: boom } }],
];

let spans: Recorder;
const exceptions: unknown[] = [];
const note = (error: unknown) => exceptions.push(error);
beforeAll(() => {
  spans = startSdk();
  process.on('uncaughtException', note).on('unhandledRejection', note);
});
afterAll(async () => {
  process.off('uncaughtException', note).off('unhandledRejection', note);
  await closeServers();
  stopSdk();
});

test('hostile requests and hostile callbacks change no byte of a response', { timeout: 60_000 }, async () => {
  const bare = await listen(createServer(handle));
  const random = createRandom(20_261_121);
  let sent = 0;
  let answered = 0;
  const differences: string[] = [];
  for (const [setting, options] of SETTINGS) {
    const tracer = createHttpServerTracer(options);
    const port = await listen(
      createServer((req, res) =>
        traceNodeExchange(tracer, req, res, setting.includes('throws') ? { route: boom } : {}).run(() => {
          // What a handler would do with the context that it got.
          traceHeaders('http://orders/');
          injectContext(Object.freeze({}));
          handle(req, res);
        }),
      ),
    );
    const count =
      options === EVERYTHING || setting === 'the defaults'
        ? REQUESTS_PER_SETTING * 3
        : REQUESTS_PER_SETTING / 4;
    for (let at = 0; at < count; at += 20) {
      const batch = Array.from({ length: 20 }, () => hostileRequest(random));
      const compare = async (bytes: string) => {
        const [expected, got] = await Promise.all([exchange(bare, bytes), exchange(port, bytes)]);
        if (got !== expected)
          differences.push(`${setting}: ${JSON.stringify(bytes.slice(0, 300))}\n${expected}\n${got}`);
        if (/^HTTP\/1\.1 (200|503|500)/.test(expected)) answered++;
      };
      await Promise.all(batch.map(compare));
      sent += batch.length;
    }
  }
  await new Promise((turn) => setImmediate(turn));
  const ended = spans.ended.length;
  process.stdout.write(
    `hostile input: ${sent} requests in ${SETTINGS.length} settings (${answered} reached the handler, ${ended} spans), ` +
      `${differences.length} differences, ${exceptions.length} exceptions, ${spans.open} spans open\n`,
  );
  expect(differences.slice(0, 3)).toEqual([]);
  expect(exceptions).toEqual([]);
  expect(spans.open).toBe(0);
  expect(answered).toBeGreaterThan(sent / 2);
  // All but those of the setting whose `ignore` or `trust` left the request unrecorded.
  expect(ended).toBeGreaterThan(answered / 2);
});
