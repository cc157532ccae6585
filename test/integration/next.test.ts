import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Trace, TraceSpan } from '@throughline/trace-tree';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTraceReceiver, type TraceReceiver } from '../../examples/checkout/trace-receiver.ts';
import { buildNextApplication, type NextApplication, startNextApplication } from './next-application.ts';

const FOLDER = join(import.meta.dirname, 'next');
const run = promisify(execFile);

interface Served {
  readonly answered: boolean;
  /** SERVER spans. */
  readonly served: readonly { scope: string; trace: string; id: string; parent: string }[];
  readonly found: readonly string[];
}

beforeAll(async () => {
  await run(process.execPath, [join(import.meta.dirname, 'install.ts'), FOLDER]);
}, 300_000);

async function buildCustomServer(): Promise<void> {
  rmSync(join(FOLDER, '.next'), { recursive: true, force: true });
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' };
  await run(join(FOLDER, 'node_modules/.bin/next'), ['build', '--webpack'], { cwd: FOLDER, env });
}

/** Self-checks are for development: what `NODE_ENV` says is read by both, and Next serves its build all the same. */
async function serve(mode: 'traced' | 'ignored'): Promise<Served> {
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'development' };
  const { stdout } = await run(process.execPath, [join(FOLDER, 'server.mjs'), mode], { cwd: FOLDER, env });
  return JSON.parse(stdout.slice(stdout.indexOf('{"answered"')));
}

describe('a custom server of Next.js', () => {
  beforeAll(buildCustomServer, 300_000);

  it('has two SERVER spans in the caller’s trace, Next’s below ours, and TL020 says so', async () => {
    const { answered, served, found } = await serve('traced');
    expect(answered).toBe(true);
    const [inner, outer] = served;
    expect(served.map(({ scope }) => scope)).toEqual(['next.js', '@throughline/http']);
    expect(inner?.parent).toBe(outer?.id);
    expect(outer?.parent).toBe('b7ad6b7169203331');
    expect(found).toContain('TL020');
  });

  it('has Next’s alone, in the caller’s trace, where ours are ignored', async () => {
    const { served, found } = await serve('ignored');
    expect(served.map(({ scope, parent }) => [scope, parent])).toEqual([['next.js', 'b7ad6b7169203331']]);
    expect(found).not.toContain('TL020');
  });
});

describe('route handlers of Next.js, by the recipe', () => {
  const CALLER = 'b7ad6b7169203331';
  let receiver: TraceReceiver;
  let stock: Server;
  let sent: { url: string | undefined; traceparent: string | undefined }[];
  let application: NextApplication;

  beforeAll(async () => {
    await buildNextApplication();
    stock = createServer(({ url, headers }, res) => {
      sent.push({ url, traceparent: headers.traceparent?.toString() });
      res.end('{"left":3}');
    }).listen(0, '127.0.0.1');
    await once(stock, 'listening');
  }, 300_000);
  afterAll(() => stock.close());

  async function start(env: Readonly<Record<string, string>> = {}) {
    sent = [];
    receiver = await startTraceReceiver();
    const stockUrl = `http://127.0.0.1:${(stock.address() as AddressInfo).port}`;
    application = await startNextApplication({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      STOCK_URL: stockUrl,
      SESSIONS_URL: stockUrl,
      ...env,
    });
  }

  async function stop() {
    await application.close();
    await receiver.close();
  }

  /** Makes a request in a trace of its own, and returns what `use` makes of the response and the trace's id. */
  async function request<T>(path: string, use: (response: Response) => Promise<T>) {
    const traceId = randomBytes(16).toString('hex');
    const headers = { traceparent: `00-${traceId}-${CALLER}-01` };
    return { traceId, answer: await use(await fetch(application.url + path, { headers })) };
  }

  /** Resolves when no more spans of the trace arrive, and the SERVER span of the package is among them. */
  function traceOf(traceId: string): Promise<Trace> {
    return receiver.waitFor(
      (traces) =>
        traces.find(
          (trace) => trace.traceId === traceId && receiver.isSettled(traceId) && oursIn(trace).length > 0,
        ),
      30_000,
    );
  }

  const spansOf = (trace: Trace): TraceSpan[] => trace.rows.map(({ span }) => span);
  const isOfNext = ({ attributes }: TraceSpan) => 'next.span_type' in attributes;
  const ofKind = (trace: Trace, kind: TraceSpan['kind']) =>
    spansOf(trace).filter((span) => span.kind === kind);
  const oursIn = (trace: Trace) => ofKind(trace, 'SERVER').filter((span) => !isOfNext(span));

  describe('without Next’s own spans', () => {
    beforeAll(() => start(), 60_000);
    afterAll(stop);

    it('has one SERVER span with the route, in the caller’s trace, and the call below it', async () => {
      sent = [];
      const { traceId, answer } = await request('/items/7', (response) => response.json());
      expect(answer).toEqual({ item: '7', stock: { left: 3 } });
      const trace = await traceOf(traceId);
      expect(spansOf(trace).filter(isOfNext)).toEqual([]);
      const [server, ...others] = ofKind(trace, 'SERVER');
      expect(others).toEqual([]);
      expect(server).toMatchObject({ name: 'GET /items/[id]', parentId: CALLER, error: false });
      expect(server?.attributes).toMatchObject({
        'http.route': '/items/[id]',
        'http.response.status_code': 200,
        'url.path': '/items/7',
      });
      const call = ofKind(trace, 'CLIENT').find(({ parentId }) => parentId === server?.spanId);
      expect(sent.find(({ url }) => url === '/7')?.traceparent).toBe(`00-${traceId}-${call?.spanId}-01`);
    });

    it('has the call of the proxy in the caller’s trace, beside the handler', async () => {
      sent = [];
      const { traceId } = await request('/items/7', (response) => response.text());
      const call = ofKind(await traceOf(traceId), 'CLIENT').find(({ parentId }) => parentId === CALLER);
      expect(sent.find(({ url }) => url === '/current')?.traceparent).toBe(
        `00-${traceId}-${call?.spanId}-01`,
      );
    });

    it('records the error that a handler throws, and Next answers it', async () => {
      const { traceId, answer } = await request('/broken', async ({ status }) => status);
      expect(answer).toBe(500);
      const [server] = oursIn(await traceOf(traceId));
      expect(server).toMatchObject({ name: 'GET /broken', error: true });
      expect(server?.attributes['error.type']).toBe('EmptyShelf');
    });

    it('ends the span with the stream, and has the calls of the stream below it', async () => {
      const { traceId, answer } = await request('/feed?parts=3', (response) => response.text());
      expect(answer).toBe('{"left":3}'.repeat(3));
      const trace = await traceOf(traceId);
      const [server] = oursIn(trace);
      expect(server).toMatchObject({ name: 'GET /feed', error: false });
      const calls = ofKind(trace, 'CLIENT');
      expect(calls.map(({ parentId }) => parentId)).toEqual(Array(3).fill(server?.spanId));
      expect(Math.max(...calls.map(({ end }) => end))).toBeLessThanOrEqual(server?.end ?? 0);
    });

    it('reports a client that leaves while the stream is under way', async () => {
      const { traceId } = await request('/feed?parts=Infinity', async (response) => {
        const reader = response.body?.getReader();
        await reader?.read();
        await reader?.cancel();
      });
      const [server] = oursIn(await traceOf(traceId));
      expect(server).toMatchObject({ name: 'GET /feed', error: true });
      expect(server?.attributes['error.type']).toBe('client_disconnected');
    });
  });

  describe('in the edge runtime, which has no SDK', () => {
    beforeAll(() => start(), 60_000);
    afterAll(stop);

    it('passes the caller’s trace on', async () => {
      sent = [];
      const { traceId, answer } = await request('/edge', (response) => response.json());
      expect(answer).toEqual({ caller: 'continued' });
      expect(sent).toEqual([{ url: '/edge', traceparent: `00-${traceId}-${CALLER}-01` }]);
    });
  });

  describe('with Next’s own spans', () => {
    beforeAll(() => start({ SPANS_OF_NEXT: '1' }), 60_000);
    afterAll(stop);

    it('has ours below Next’s, which continues the caller’s trace', async () => {
      const { traceId } = await request('/items/7', (response) => response.text());
      const trace = await traceOf(traceId);
      const [ours, ...others] = oursIn(trace);
      expect(others).toEqual([]);
      const above = pathTo(trace, ours).map(({ kind, name }) => `${kind} ${name}`);
      // The first is of the pass in which the proxy ran.
      expect(above).toEqual([
        'SERVER GET',
        'SERVER GET /items/[id]',
        'INTERNAL executing api route (app) /items/[id]',
      ]);
      expect(trace.tops.map(({ span }) => span.parentId)).toEqual([CALLER]);
    });

    it('has all in one trace where no caller brings one', async () => {
      sent = [];
      await (await fetch(`${application.url}/items/8`)).text();
      const traces = sent.map(({ traceparent }) => traceparent?.split('-')[1]);
      expect(traces).toHaveLength(2);
      expect(new Set(traces).size).toBe(1);
    });
  });

  /** The spans above one, the outermost first. */
  function pathTo(trace: Trace, span: TraceSpan | undefined): TraceSpan[] {
    const parent = spansOf(trace).find(({ spanId }) => spanId === span?.parentId);
    return parent === undefined ? [] : [...pathTo(trace, parent), parent];
  }
});
