import assert from 'node:assert/strict';
import { context, propagation, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import { headerValues } from '../../kit/origin-server.ts';
import { assertParent } from '../../kit/trace-assertions.ts';
import { parseTraceparent, REMOTE, traceparentOf } from '../../kit/traceparent.ts';
import { arrival, assertCarries } from '../arrival.ts';
import type { HttpClientCase } from '../http-client-case.ts';

const AWS4 = 'AWS4-HMAC-SHA256 Credential=AKID/20260101/eu/s3/aws4_request, SignedHeaders=host, Signature=f0';

const baggage = propagation.createBaggage({ tenant: { value: 'blue' }, user: { value: 'a,b' } });

export const propagationCases: readonly HttpClientCase[] = [
  {
    name: 'sends exactly one traceparent, which names the span of the call',
    async run(world) {
      const [, caller] = await world.inSpan(() => world.read('/ok'));
      const span = (await world.clientSpanIfTraced()) ?? caller;
      assertCarries(await arrival(world), span);
    },
  },
  {
    name: 'makes the active span the parent of the call',
    needs: ['spans'],
    async run(world) {
      const [, caller] = await world.inSpan(() => world.read('/ok'));
      assertParent(await world.clientSpan(), caller);
    },
  },
  {
    name: 'starts a trace when no span is active',
    needs: ['spans'],
    async run(world) {
      await world.read('/ok');
      const span = await world.clientSpan();
      assert.equal(span.parentSpanContext, undefined);
      assertCarries(await arrival(world), span);
    },
  },
  {
    name: 'sends tracestate and baggage along',
    async run(world) {
      const parent = { ...REMOTE, traceState: traceStateOf('rojo=1,congo=2') };
      const ctx = propagation.setBaggage(trace.setSpanContext(ROOT_CONTEXT, parent), baggage);
      await context.with(ctx, () => world.read('/ok'));
      await world.clientSpanIfTraced();
      const call = await arrival(world);
      assert.deepEqual(headerValues(call, 'tracestate'), ['rojo=1,congo=2']);
      assert.deepEqual(headerValues(call, 'baggage'), ['tenant=blue,user=a%2Cb']);
    },
  },
  {
    name: 'sends baggage when no span is active',
    async run(world) {
      await context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () => world.read('/ok'));
      await world.clientSpanIfTraced();
      assert.deepEqual(headerValues(await arrival(world), 'baggage'), ['tenant=blue,user=a%2Cb']);
    },
  },
  {
    name: 'sends an unsampled context along and records nothing',
    async run(world) {
      const parent = { ...REMOTE, traceFlags: TraceFlags.NONE };
      await context.with(trace.setSpanContext(ROOT_CONTEXT, parent), () => world.read('/ok'));
      const [sent] = headerValues(await arrival(world), 'traceparent');
      const carried = parseTraceparent(sent);
      assert.equal(carried?.traceId, REMOTE.traceId, `traceparent: ${sent}`);
      assert.equal(carried?.traceFlags, TraceFlags.NONE);
    },
  },
  {
    name: 'replaces a traceparent that the caller set, in any letter case',
    needs: ['replace'],
    async run(world) {
      const stale = traceparentOf();
      for (const name of ['traceparent', 'Traceparent', 'TRACEPARENT']) {
        await world.read('/ok', { headers: { [name]: stale } });
        const span = await world.clientSpanIfTraced();
        const values = headerValues(await arrival(world, world.origin.received.length - 1), 'traceparent');
        assert.deepEqual(values, span ? [traceparentOf(span.spanContext())] : [], `caller set ${name}`);
      }
    },
  },
  {
    name: 'removes a stale tracestate that the caller set',
    needs: ['replace'],
    async run(world) {
      const [, caller] = await world.inSpan(() => world.read('/ok', { headers: { TraceState: 'stale=1' } }));
      const span = (await world.clientSpanIfTraced()) ?? caller;
      const call = await arrival(world);
      assertCarries(call, span);
      assert.deepEqual(headerValues(call, 'tracestate'), []);
    },
  },
  {
    name: 'keeps the baggage that the caller set, in any letter case, where the context has none',
    needs: ['replace'],
    async run(world) {
      for (const name of ['baggage', 'Baggage', 'BAGGAGE']) {
        await world.read('/ok', { headers: { [name]: 'mine=1' } });
        await world.clientSpanIfTraced();
        const call = await arrival(world, world.origin.received.length - 1);
        assert.deepEqual(headerValues(call, 'baggage'), ['mine=1'], `caller set ${name}`);
      }
    },
  },
  {
    name: 'adds the baggage of the context to what the caller set, whose entries win',
    needs: ['replace'],
    async run(world) {
      const ctx = propagation.setBaggage(ROOT_CONTEXT, baggage);
      const headers = { Baggage: 'mine=1,tenant=own;p=1' };
      await context.with(ctx, () => world.read('/ok', { headers }));
      await world.clientSpanIfTraced();
      const sent = headerValues(await arrival(world), 'baggage')
        .join(',')
        .split(',')
        .sort();
      assert.deepEqual(sent, ['mine=1', 'tenant=own;p=1', 'user=a%2Cb']);
      assert.deepEqual(headers, { Baggage: 'mine=1,tenant=own;p=1' });
    },
  },
  {
    name: 'adds no header to a request that was signed, and still makes its span',
    needs: ['signature'],
    async run(world) {
      await world.inSpan(() => world.read('/ok', { headers: { authorization: AWS4 } }));
      await world.clientSpanIfTraced();
      const call = await arrival(world);
      assert.deepEqual(headerValues(call, 'traceparent'), []);
      assert.deepEqual(headerValues(call, 'authorization'), [AWS4]);
    },
  },
  {
    name: 'adds no header to a request to a presigned URL',
    needs: ['signature'],
    async run(world) {
      await world.inSpan(() => world.read('/ok?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=f0'));
      await world.clientSpanIfTraced();
      assert.deepEqual(headerValues(await arrival(world), 'traceparent'), []);
    },
  },
  {
    name: 'keeps 50 concurrent calls apart',
    async run(world) {
      const callers = await Promise.all(
        Array.from({ length: 50 }, async (_, n) => {
          const [, caller] = await world.inSpan(() => world.read(`/ok?n=${n}`));
          return caller;
        }),
      );
      const spans = world.traced
        ? await world.spans.takeMany(50, ({ attributes }) => attributes['url.full'] !== undefined)
        : callers;
      for (const call of await world.origin.arrived(50)) {
        const n = Number(new URL(call.target, world.origin.url).searchParams.get('n'));
        const carried = parseTraceparent(headerValues(call, 'traceparent')[0]);
        const span = spans.find((one) => one.spanContext().spanId === carried?.spanId);
        assert.ok(span, `a span for call ${n}`);
        assert.equal(span.spanContext().traceId, callers[n]?.spanContext().traceId, `trace of call ${n}`);
      }
    },
  },
  {
    name: "leaves the caller's context active during and after the call",
    async run(world) {
      await world.inSpan(async () => {
        const before = trace.getSpan(context.active());
        const pending = world.call('/ok');
        assert.equal(trace.getSpan(context.active()), before, 'while the call is under way');
        await (await pending).text();
        assert.equal(trace.getSpan(context.active()), before, 'after the call');
      });
      await world.clientSpanIfTraced();
    },
  },
];

function traceStateOf(text: string): NonNullable<(typeof REMOTE)['traceState']> {
  const entries = new Map(text.split(',').map((entry) => entry.split('=') as [string, string]));
  return {
    get: (key) => entries.get(key),
    set: () => traceStateOf(text),
    unset: () => traceStateOf(text),
    serialize: () => text,
  };
}
