import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { context, trace } from '@opentelemetry/api';
import { createLogFields, logFields, traceMeta } from '@throughline/core/logs';
import { exchangeOf, traceNodeExchange } from '@throughline/http';
import { createHttpServerTracer, type HttpServerOptions } from '@throughline/http-semantics';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import winston from 'winston';
import { closeServers, listen, SPAN_ID, startSdk, stopSdk, TRACE_ID, TRACEPARENT, UNSAMPLED } from './sdk.ts';

afterEach(async () => {
  await closeServers();
  stopSdk();
});

type Line = Record<string, unknown>;

/** A stream that keeps what a logger writes, line by line. */
function keep(): { lines: Line[]; stream: Writable } {
  const lines: Line[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      for (const text of String(chunk).trim().split('\n')) lines.push(JSON.parse(text));
      done();
    },
  });
  return { lines, stream };
}

/** Real loggers, each with a function that logs a line with one field. */
const LOGGERS: [string, (stream: Writable) => (event: string, path: string) => void][] = [
  [
    'pino',
    (stream) => {
      const logger = pino({ mixin: logFields }, stream);
      return (event, path) => logger.info({ path }, event);
    },
  ],
  [
    'a child of pino, made before the request',
    (stream) => {
      const logger = pino({ mixin: createLogFields() }, stream).child({ component: 'db' });
      return (event, path) => logger.warn({ path }, event);
    },
  ],
  [
    'winston',
    (stream) => {
      const transports = [new winston.transports.Stream({ stream })];
      const logger = winston.createLogger({
        defaultMeta: traceMeta(),
        format: winston.format.json(),
        transports,
      });
      return (event, path) => logger.info(event, { path });
    },
  ],
  [
    'a child of winston, called with an object',
    (stream) => {
      const transports = [new winston.transports.Stream({ stream })];
      const defaultMeta = traceMeta({ service: 'orders' });
      const logger = winston.createLogger({ defaultMeta, transports }).child({ component: 'db' });
      return (event, path) => logger.log({ level: 'warn', message: event, path });
    },
  ],
];

/** A service that logs at every turn of a request, and tells in its response which ids are right. */
function service(log: (event: string, path: string) => void, options?: HttpServerOptions): Promise<number> {
  const tracer = createHttpServerTracer({ selfCheck: 'off', ...options });
  return listen((req, res) =>
    traceNodeExchange(tracer, req, res).run(async () => {
      const path = String(req.url);
      log('arrived', path);
      await null;
      log('after a microtask', path);
      await setTimeout(Math.random() * 5);
      log('after a timer', path);
      await setImmediate();
      log('after an immediate', path);
      res.on('finish', () => log('response finished', path));
      req.on('end', () => {
        log('body read', path);
        const { spanId = '', traceId = '' } = exchangeOf(req)?.span.spanContext() ?? {};
        res.end(JSON.stringify({ traceId, spanId }));
      });
      req.resume();
    }),
  );
}

const EVENTS = 6;

/** Sends one request and returns the ids that the service's own span had. */
async function get(port: number, path: string, agent?: Agent, headers = {}) {
  const sent = request({ port, path, headers, ...(agent && { agent }), host: '127.0.0.1' }).end();
  const [response] = await once(sent, 'response');
  const text = await response.setEncoding('utf8').toArray();
  return JSON.parse(text.join('')) as { traceId: string; spanId: string };
}

/** The last line of a request is written when its response has left, which its client may see before. */
const written = (lines: Line[], requests: number) =>
  expect.poll(() => lines.length, { timeout: 5_000 }).toBe(requests * EVENTS);

describe.each(LOGGERS)('%s', (_, logger) => {
  test('every line of concurrent requests carries the ids of its own', async () => {
    startSdk();
    const { lines, stream } = keep();
    const port = await service(logger(stream));
    const paths = Array.from({ length: 30 }, (__, number) => `/${number}`);
    const ids = await Promise.all(paths.map((path) => get(port, path)));
    await written(lines, 30);
    paths.forEach((path, number) => {
      const own = lines.filter((line) => line.path === path);
      const { traceId, spanId } = ids[number] as (typeof ids)[0];
      expect(own).toHaveLength(EVENTS);
      for (const line of own)
        expect(line).toMatchObject({ trace_id: traceId, span_id: spanId, trace_flags: '01' });
    });
    expect(new Set(ids.map(({ traceId }) => traceId)).size).toBe(30);
  });

  test('requests on one socket are kept apart', async () => {
    startSdk();
    const { lines, stream } = keep();
    const port = await service(logger(stream));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ids = [];
    for (const path of ['/1', '/2', '/3']) ids.push(await get(port, path, agent));
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
    agent.destroy();
    await written(lines, 3);
    const expected = ids.flatMap(({ spanId }) => Array(EVENTS).fill(spanId));
    expect(lines.map(({ span_id }) => span_id)).toEqual(expected);
  });

  test('an unsampled request has ids too, and its flags say so', async () => {
    startSdk();
    const { lines, stream } = keep();
    const port = await service(logger(stream));
    await get(port, '/', undefined, { traceparent: UNSAMPLED });
    expect(lines[0]).toMatchObject({ trace_id: TRACE_ID, trace_flags: '00' });
    expect(lines[0]?.span_id).toMatch(/^(?!b7ad6b7169203331)[0-9a-f]{16}$/);
  });

  test('without an SDK they are the ids of the caller, and none without one', async () => {
    const { lines, stream } = keep();
    const port = await service(logger(stream));
    await get(port, '/called', undefined, { traceparent: TRACEPARENT });
    await get(port, '/alone');
    await written(lines, 2);
    for (const line of lines.filter(({ path }) => path === '/called'))
      expect(line).toMatchObject({ trace_id: TRACE_ID, span_id: SPAN_ID, trace_flags: '01' });
    const alone = lines.filter(({ path }) => path === '/alone');
    expect(alone).toHaveLength(EVENTS);
    for (const line of alone) expect(Object.keys(line).filter((name) => /_id|flags/.test(name))).toEqual([]);
  });

  test('a caller that is not trusted leaves no ids of its own', async () => {
    const { lines, stream } = keep();
    const port = await service(logger(stream), { trust: 'restart' });
    await get(port, '/', undefined, { traceparent: TRACEPARENT });
    expect(lines[0]).not.toHaveProperty('trace_id');
  });

  test('outside of a request there is no field', () => {
    startSdk();
    const { lines, stream } = keep();
    logger(stream)('started', '-');
    expect(lines[0]).not.toHaveProperty('trace_id');
    expect(lines[0]).toMatchObject({ path: '-' });
  });
});

describe('logFields', () => {
  const inRequest = <T>(headers: Record<string, string>, fn: () => T): T =>
    createHttpServerTracer({ selfCheck: 'off' })
      .start({ method: 'GET', target: '/', scheme: 'http', headers })
      .run(fn);

  test('a new object each time, {} outside of a trace', () => {
    expect(logFields()).toEqual({});
    expect(logFields()).not.toBe(logFields());
    startSdk();
    expect(inRequest({}, logFields)).not.toBe(inRequest({}, logFields));
  });

  test.each(['00', '01', 'ff', '0a'])('flags %s are written as received', (flags) => {
    const headers = { traceparent: `00-${TRACE_ID}-${SPAN_ID}-${flags}` };
    expect(inRequest(headers, logFields)).toEqual({
      trace_id: TRACE_ID,
      span_id: SPAN_ID,
      trace_flags: flags,
    });
  });

  test('what a logger passes is no option', () => {
    startSdk();
    const { lines, stream } = keep();
    const logger = pino({ mixin: logFields }, stream);
    inRequest({ baggage: 'secret=1' }, () => logger.info({ baggage: ['secret'] }, 'hello'));
    expect(lines[0]).toMatchObject({ baggage: ['secret'], msg: 'hello' });
    expect(lines[0]).not.toHaveProperty('baggage.secret');
  });

  test.each<[string, () => object]>([
    ['createLogFields()', createLogFields({ baggage: ['tenant', 'absent'] })],
    ['traceMeta()', () => ({ ...traceMeta(undefined, { baggage: ['tenant', 'absent'] }) })],
  ])('%s: baggage that is listed, and only that', (_, fields) => {
    startSdk();
    const read = inRequest({ baggage: `tenant=${'a'.repeat(300)},other=1` }, fields);
    expect(JSON.parse(JSON.stringify(read))).toEqual({
      trace_id: expect.any(String),
      span_id: expect.any(String),
      trace_flags: '01',
      'baggage.tenant': 'a'.repeat(256),
    });
  });

  test('a span that has been made invalid, and a context manager that throws, cost no line', () => {
    startSdk();
    const broken = {
      getValue() {
        throw new Error('broken');
      },
      setValue: () => broken,
      deleteValue: () => broken,
    };
    expect(context.with(broken, logFields)).toEqual({});
    expect(context.with(trace.setSpanContext(context.active(), {} as never), logFields)).toEqual({});
  });

  test.each([
    ['createLogFields', () => createLogFields({ baggage: 'tenant' as never })],
    ['createLogFields', () => createLogFields({ baggage: Array(17).fill('x') })],
    ['traceMeta', () => traceMeta({}, { bagage: [] } as never)],
  ])('%s() refuses what is no option', (entry, call) => {
    expect(call).toThrow(new RegExp(`^\\[throughline/core\\] ${entry}\\(\\): options\\.bag`));
  });
});

describe('winston under load', () => {
  test('ten thousand lines at once, through its file transport, carry each its own ids', async () => {
    startSdk();
    const folder = await mkdtemp(join(tmpdir(), 'throughline-logs-'));
    const filename = join(folder, 'log');
    const logger = winston.createLogger({
      defaultMeta: traceMeta(),
      transports: [new winston.transports.File({ filename })],
    });
    const tracer = trace.getTracer('test');
    for (let number = 0; number < 10_000; number++)
      tracer.startActiveSpan('work', (span) =>
        logger.info('worked', { expected: span.spanContext().spanId }),
      );
    const finished = once(logger, 'finish');
    logger.end();
    await finished;
    const read = async () => (await readFile(filename, 'utf8')).trim().split('\n');
    await expect.poll(async () => (await read()).length, { timeout: 10_000 }).toBe(10_000);
    const lines: Line[] = (await read()).map((line) => JSON.parse(line));
    expect(lines.filter(({ span_id, expected }) => span_id !== expected)).toEqual([]);
    await rm(folder, { recursive: true });
  });
});
