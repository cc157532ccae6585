import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { createPropagator } from '@throughline/propagators';
import { traceFetchHandler } from '@throughline/web';
import { traceContext } from '@throughline/web/hono';
import fc from 'fast-check';
import { Hono } from 'hono';
import { afterAll, beforeAll, expect, it } from 'vitest';

beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider());
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(createPropagator());
});
afterAll(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

const TRACEPARENT = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;

/** A value of a header that begins well, is cut somewhere, and continues with anything that a header may hold. */
const mutated = (good: string) =>
  fc
    .tuple(
      fc.nat(good.length),
      fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) }),
      fc.nat(3),
    )
    .map(([cut, more, times]) => good.slice(0, cut) + more.repeat(times) + good.slice(cut))
    .filter((value) => !/[\u007f]/.test(value));

const hostile = fc.record(
  {
    traceparent: mutated(TRACEPARENT),
    tracestate: mutated('vendor=value,other=1'),
    baggage: mutated('tenant=acme;p=1,user=b%20c'),
    forwarded: mutated('for=192.0.2.1;host=a.test;proto=https'),
    host: mutated('shop.example:8080'),
    cookie: mutated('session=secret'),
  },
  { requiredKeys: [] },
);

const answer = async (request: Request) =>
  new Response(`${request.method} ${new URL(request.url).pathname}`, {
    status: 201,
    headers: { 'x-answer': request.headers.get('x-ask') ?? '' },
  });

const throwing = (): never => {
  throw new Error('a hook threw');
};
const OPTIONS = {
  trustProxy: true,
  captureRequestHeaders: ['cookie', 'forwarded'],
  ignore: throwing,
  attributes: throwing,
  spanName: throwing,
  requestHook: throwing,
  responseHook: throwing,
};

it.each([
  ['a plain handler', traceFetchHandler(answer, OPTIONS)],
  ['Hono', new Hono().use(traceContext(OPTIONS)).get('*', (c) => answer(c.req.raw)).fetch],
])('1 000 mutated sets of headers and hooks that throw change no answer of %s', async (_what, traced) => {
  await fc.assert(
    fc.asyncProperty(hostile, fc.webPath(), async (headers, path) => {
      const request = () => new Request(`http://shop.example${path}`, { headers: headers as never });
      const [answered, expected] = [await traced(request()), await answer(request())];
      expect([answered.status, [...answered.headers], await answered.text()]).toEqual([
        expected.status,
        [...expected.headers],
        await expected.text(),
      ]);
    }),
    { numRuns: 1000 },
  );
});
