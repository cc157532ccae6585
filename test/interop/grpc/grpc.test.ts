import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import { runInContext } from '@throughline/core';
import { startTracing } from '@throughline/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Recipe } from '../../backends/cached-builds.ts';
import { describeWith } from '../../backends/describe-with.ts';
import { type RecordedSpan, recordSpan } from '../../backends/recorded-span.ts';
import { freePorts, startServer } from '../../backends/server-process.ts';
import { startSink } from '../../backends/sink.ts';
import type { EndedSpan } from '../peers.ts';
import { GRPC_GO_SERVICE, GRPC_PYTHON_ENVIRONMENT } from '../recipes.ts';
import { callRelay, startRelay } from './relay.ts';

const recorded: RecordedSpan[] = [];
const recorder: SpanProcessor = {
  onStart() {},
  onEnd: (span) => void recorded.push(recordSpan(span)),
  forceFlush: async () => {},
  shutdown: async () => {},
};
const sink = await startSink();
const tracing = startTracing({ serviceName: 'node', endpoint: sink.url, spanProcessors: [recorder] });
afterAll(async () => {
  await tracing.shutdown();
  await sink.close();
});

const CALLER = '00f067aa0ba902b7';
const TRACESTATE = 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE';
let made = 0;
const newTraceId = () => `b${(++made).toString(16).padStart(31, '0')}`;

/** Runs `fn` as the handler of a caller's request would: its trace and baggage are active. */
function calledBy<T>(traceId: string, flags: string, fn: () => Promise<T>): Promise<T> {
  const fields = {
    traceparent: `00-${traceId}-${CALLER}-${flags}`,
    tracestate: TRACESTATE,
    baggage: 'tenant=acme,plan=gold',
  };
  return runInContext(propagation.extract(ROOT_CONTEXT, fields), fn);
}

const LANGUAGES: readonly (readonly [title: string, recipe: Recipe, args: readonly string[]])[] = [
  ['gRPC with Go (grpc-go, otelgrpc)', GRPC_GO_SERVICE, []],
  [
    'gRPC with Python (grpcio and its instrumentation)',
    GRPC_PYTHON_ENVIRONMENT,
    [join(import.meta.dirname, 'python/service.py')],
  ],
];

for (const [title, recipe, args] of LANGUAGES) {
  await describeWith([recipe], title, (program = '') => {
    let peer: { address: string; url: string; stop(): Promise<void> };
    let node: Awaited<ReturnType<typeof startRelay>>;
    beforeAll(async () => {
      const [port, grpcPort] = await freePorts(2);
      const url = `http://127.0.0.1:${port}/spans`;
      const env = { PORT: `${port}`, GRPC_PORT: `${grpcPort}`, PYTHONDONTWRITEBYTECODE: '1' };
      const { stop } = await startServer({ name: title, command: program, args, env, ready: url });
      peer = { address: `127.0.0.1:${grpcPort}`, url, stop };
      node = await startRelay();
    });
    afterAll(async () => {
      node?.stop();
      await peer?.stop();
    });

    /** All spans of a trace on both sides, once there are `count`, from the first to the last. */
    async function chain(traceId: string, count: number): Promise<string[]> {
      const end = performance.now() + 10_000;
      for (;;) {
        const listed = (await (await fetch(peer.url)).json()) as EndedSpan[];
        const foreign = listed
          .filter((span) => span.traceId === traceId)
          .map((span) => ({ ...span, side: `peer ${span.kind}${span.error ? ' ERROR' : ''}` }));
        const own = recorded
          .filter((span) => span.traceId === traceId)
          .map((span) => ({
            ...span,
            side: `Node ${span.kind}${span.status.code === 'ERROR' ? ' ERROR' : ''}`,
          }));
        const all = [...own, ...foreign];
        if (all.length < count && performance.now() < end) {
          await delay(20);
          continue;
        }
        const links: string[] = [];
        let next = all.find(({ parentId }) => parentId === CALLER);
        for (; next; next = all.find(({ parentId }) => parentId === next?.spanId)) links.push(next.side);
        expect(links, JSON.stringify(all)).toHaveLength(all.length);
        return links;
      }
    }

    test('a trace goes there and back, with its state and baggage', async () => {
      const traceId = newTraceId();
      const answer = await calledBy(traceId, '01', () => callRelay(peer.address, node.address));
      for (const hop of [answer, answer.next]) {
        expect(hop?.received.traceparent).toEqual([
          expect.stringMatching(new RegExp(`^00-${traceId}-.{16}-01$`)),
        ]);
        expect(hop?.received.tracestate?.join()).toBe(TRACESTATE);
        expect(hop?.baggage).toEqual({ tenant: 'acme', plan: 'gold' });
      }
      expect(await chain(traceId, 4)).toEqual(['Node CLIENT', 'peer SERVER', 'peer CLIENT', 'Node SERVER']);
    });

    test('an unsampled trace stays unsampled there and back', async () => {
      const traceId = newTraceId();
      const answer = await calledBy(traceId, '00', () => callRelay(peer.address, node.address));
      for (const hop of [answer, answer.next])
        expect(hop?.received.traceparent).toEqual([
          expect.stringMatching(new RegExp(`^00-${traceId}-.{16}-00$`)),
        ]);
      expect(recorded.filter((span) => span.traceId === traceId)).toEqual([]);
    });

    test('a call that is refused is an error of the client alone', async () => {
      const traceId = newTraceId();
      await expect(calledBy(traceId, '01', () => callRelay(peer.address, 'fail'))).rejects.toThrow(
        'asked to fail',
      );
      const [client] = await chain(traceId, 2);
      expect(client).toBe('Node CLIENT ERROR');
      const span = recorded.find((one) => one.traceId === traceId);
      expect(span?.attributes).toMatchObject({ 'rpc.status_code': 'NOT_FOUND', 'error.type': 'NOT_FOUND' });
      expect(context.active()).toBe(ROOT_CONTEXT);
    });
  });
}
