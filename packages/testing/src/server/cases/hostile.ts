import assert from 'node:assert/strict';
import { faultCase, HOOK_FAULTS, planted, SDK_FAULTS } from '../../kit/planted-faults.ts';
import { assertParent } from '../../kit/trace-assertions.ts';
import { MALFORMED_TRACEPARENTS, REMOTE, traceparentOf } from '../../kit/traceparent.ts';
import type { HttpServerCase, HttpServerNeed, HttpServerWorld } from '../http-server-case.ts';
import type { HttpServerTraceOptions } from '../http-server-conformance-options.ts';

/** Asserts that requests are answered as if nothing were wrong. */
async function assertUnharmed(world: HttpServerWorld): Promise<void> {
  const headers = { traceparent: traceparentOf(), baggage: 'a=b' };
  const one = await world.get('/items/7', { headers });
  assert.equal(`${one.status} ${one.text}`, '200 {"id":"7"}');
  assert.equal(one.headers['x-answer'], '42');
  const posted = await world.get('/echo', {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: '{"a":1}',
  });
  assert.equal(`${posted.status} ${posted.text}`, '200 {"a":1}');
  assert.equal((await world.get('/status/404')).status, 404);
  const handled = world.sightings.filter(({ label }) => label === 'handler');
  assert.equal(handled.length, 2, 'each handler ran once');
}

/** Takes as many SERVER spans as `assertUnharmed` sends requests. */
async function takeSpans(world: HttpServerWorld): Promise<void> {
  for (let n = 0; n < 3; n += 1) await world.serverSpan();
}

const throwing = faultCase<HttpServerWorld, HttpServerNeed, HttpServerTraceOptions>(
  'serves on',
  assertUnharmed,
  takeSpans,
);

export const hostileCases: readonly HttpServerCase[] = [
  {
    name: 'answers hostile headers with the same bytes as without the adapter',
    manual: true,
    async run(world) {
      const long = 'x'.repeat(6_000);
      const hostile: Record<string, string | string[]>[] = [
        ...MALFORMED_TRACEPARENTS.map((traceparent) => ({ traceparent })),
        { traceparent: traceparentOf(), tracestate: '=,=,,;;==,' },
        { traceparent: traceparentOf(), tracestate: Array.from({ length: 64 }, (_, n) => `k${n}=v`).join() },
        { traceparent: traceparentOf(), tracestate: `a=${long}` },
        { traceparent: '', tracestate: '', baggage: '' },
        { baggage: '%zz=%zz,=,;;,a=b' },
        { baggage: `a=${long}` },
        { baggage: Array.from({ length: 400 }, (_, n) => `k${n}=v`).join() },
        { baggage: '__proto__=1,constructor=2,toString=3' },
        { cookie: `=;;;=;%00;${long}` },
        { 'x-forwarded-for': ',,,', forwarded: 'for="[;host=;;;proto' },
        { 'user-agent': '' },
        { 'user-agent': '\u00e4\u00ff\u0080' },
      ];
      const answers: string[][] = [];
      for (const mounts of [0, 1]) {
        await world.start({ mounts });
        const seen: string[] = [];
        for (const headers of hostile) {
          const { status, text } = await world.get('/items/7', { headers });
          seen.push(`${status} ${text}`);
          if (mounts > 0) await world.serverSpan();
        }
        answers.push(seen);
        await world.stop();
      }
      assert.deepEqual(answers[1], answers[0]);
    },
  },
  {
    name: 'answers hostile request-targets with the same bytes as without the adapter',
    manual: true,
    async run(world) {
      const targets = [
        '/items/%zz',
        '/items/%00',
        '/?',
        '/??=&=&',
        '/items/1?%',
        `/items/1?${'a=b&'.repeat(1_500)}`,
        '/../..',
        '/items/1;p=1',
        '/__proto__',
        "/items/1?a[]=<script>'",
      ];
      const answers: string[][] = [];
      for (const mounts of [0, 1]) {
        await world.start({ mounts });
        const seen: string[] = [];
        for (const target of targets) {
          const { status, text } = await world.get(target);
          seen.push(`${target} ${status} ${text}`);
        }
        answers.push(seen);
        await world.stop();
      }
      assert.deepEqual(answers[1], answers[0]);
      // Some frameworks refuse a target before any middleware sees it, so only these are known to have no open span.
      assert.deepEqual(world.spans.open(), []);
      while (world.spans.ended().length > 0) await world.serverSpan();
    },
  },
  {
    name: 'keeps good baggage entries beside bad ones, and names of the prototype apart',
    async run(world) {
      await world.get('/items/1', {
        headers: { traceparent: traceparentOf(), baggage: '=,;,__proto__=1,tenant=blue,%zz' },
      });
      assertParent(await world.serverSpan(), REMOTE);
      assert.equal((await world.sighted('handler')).baggage.tenant, 'blue');
      assert.equal(({} as Record<string, unknown>).tenant, undefined);
    },
  },
  {
    name: 'continues the trace with any tracestate and baggage beside it',
    async run(world) {
      await world.get('/items/1', {
        headers: { traceparent: traceparentOf(), tracestate: '=,=,,;;==,', baggage: '%zz=%zz,=,;;' },
      });
      assertParent(await world.serverSpan(), REMOTE);
    },
  },
  {
    name: 'reads tracestate and baggage from several header lines',
    needs: ['http1'],
    async run(world) {
      await world.bytes(
        `GET /items/1 HTTP/1.1\r\nhost: a.test\r\ntraceparent: ${traceparentOf()}\r\ntracestate: a=1\r\ntracestate: b=2\r\nbaggage: c=3\r\nbaggage: d=4\r\nconnection: close\r\n\r\n`,
      );
      const { traceState } = (await world.serverSpan()).spanContext();
      assert.equal(traceState?.get('a'), '1');
      assert.equal(traceState?.get('b'), '2');
      assert.deepEqual((await world.sighted('handler')).baggage, { c: '3', d: '4' });
    },
  },
  {
    name: 'survives bytes that are no HTTP, and serves the next request',
    needs: ['http1'],
    async run(world) {
      assert.match(await world.bytes('\x16\x03\x01 nonsense\r\n\r\n'), /^(HTTP\/1\.1 400|$)/);
      assert.match(
        await world.bytes('GET / HTTP/1.1\r\nhost: a.test\r\ntraceparent: \x00\r\n\r\n'),
        /^(HTTP\/1\.1 400|$)/,
      );
      assert.equal((await world.get('/items/1')).status, 200);
      await world.serverSpan();
    },
  },
  ...HOOK_FAULTS.map((fault) => throwing(...fault)),
  throwing(
    'spanName and attributes throw',
    {
      needs: ['spanName', 'attributes'],
      traceOptions: () => ({ spanName: planted('spanName'), attributes: planted('attributes') }),
    },
    'kept',
  ),
  throwing(
    'spanName and attributes return nonsense',
    {
      needs: ['spanName', 'attributes'],
      traceOptions: () => ({ spanName: () => undefined as never, attributes: () => null as never }),
    },
    'kept',
  ),
  throwing(
    'ignore throws',
    { needs: ['ignore'], traceOptions: () => ({ ignore: planted('ignore') }) },
    'kept',
  ),
  ...SDK_FAULTS.map((fault) => throwing(...fault)),
  throwing(
    'the context manager throws before it runs anything',
    {
      contextManager: (real) => ({
        active: () => real.active(),
        with: planted('with'),
        bind: planted('bind'),
        enable: () => real.enable(),
        disable: () => real.disable(),
      }),
    },
    'kept',
  ),
  {
    name: 'runs the handler once when the context manager throws after it ran',
    contextManager: (real) => ({
      active: () => real.active(),
      with(ctx, fn, thisArg, ...args) {
        real.with(ctx, fn, thisArg, ...args);
        throw new Error('planted after with');
      },
      bind: (ctx, target) => real.bind(ctx, target),
      enable: () => real.enable(),
      disable: () => real.disable(),
    }),
    async run(world) {
      const { status } = await world.get('/items/7');
      assert.equal(status, 200);
      const handled = world.sightings.filter(({ label }) => label === 'handler');
      assert.equal(handled.length, 1, 'the handler ran once');
      await world.serverSpan();
    },
  },
];
