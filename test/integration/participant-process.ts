/**
 * The producer's or the consumer's process: `node participant-process.ts <client>`.
 *
 * Does what its parent asks over IPC, and tells it every span that ends and every message that is handled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { type ReadableSpan, TracerProvider } from '@opentelemetry/sdk-trace';
import { createPropagator } from '@throughline/propagators';
import type { ClientUnderTest, Connection } from './client.ts';
import type { Handled, Order, Report, SeenSpan } from './participant.ts';

const report = (message: Report) => process.send?.(message);
const { default: client } = (await import(`./clients/${process.argv[2]}.ts`)) as { default: ClientUnderTest };

let open = 0;
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
trace.setGlobalTracerProvider(
  new TracerProvider({
    spanProcessors: [
      {
        onStart: () => void open++,
        onEnd(span) {
          open--;
          report({ span: seen(span) });
        },
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  }),
);

let connection: Connection | undefined;
const attempts = new Map<string, number>();

const orders: { [O in Order['do']]: (order: Extract<Order, { do: O }>) => Promise<unknown> } = {
  async connect({ url }) {
    connection = await client.connect(url);
  },
  send: ({ destination, bodies, traceparent, batch }) =>
    inCaller(traceparent, async () => {
      if (batch) await connected().sendBatch?.(destination, bodies);
      else for (const body of bodies) await connected().send(destination, body);
    }),
  sendBare: ({ destination, body, metadata }) => connected().sendBare(destination, body, metadata),
  consume: ({ destination, failing }) => connected().consume(destination, (body) => handle(body, failing)),
  async disconnect() {
    const leaving = connection;
    connection = undefined;
    // A broker that was stopped leaves nobody to say goodbye to.
    await leaving?.close().catch(() => {});
  },
  openSpans: async () => open,
};

/** Runs `fn` as a service would that handles a request of this caller: in a span of its own, with baggage. */
async function inCaller(traceparent: string, fn: () => Promise<void>): Promise<string> {
  const caller = propagation.extract(ROOT_CONTEXT, { traceparent, baggage: 'tenant=acme' });
  const span = trace.getTracer('caller').startSpan('caller', { kind: SpanKind.SERVER }, caller);
  try {
    await context.with(trace.setSpan(caller, span), fn);
  } finally {
    span.end();
  }
  return span.spanContext().spanId;
}

async function handle(body: string, failing: readonly string[]): Promise<void> {
  const attempt = (attempts.get(body) ?? 0) + 1;
  attempts.set(body, attempt);
  const before = trace.getActiveSpan();
  await sleep(1);
  await new Promise(setImmediate);
  const handled: Handled = {
    body,
    attempt,
    ...idsOf(trace.getActiveSpan()),
    kept: trace.getActiveSpan() === before,
    tenant: propagation.getActiveBaggage()?.getEntry('tenant')?.value,
  };
  report({ handled });
  if (failing.includes(body) && attempt === 1) throw new Error('this message is wanted again');
}

function connected(): Connection {
  if (connection === undefined) throw new Error('not connected');
  return connection;
}

function idsOf(span: Span | undefined) {
  const { traceId = '', spanId = '', traceFlags = 0 } = span?.spanContext() ?? {};
  return { traceId, spanId, sampled: traceFlags % 2 === 1 };
}

function seen(span: ReadableSpan): SeenSpan {
  return {
    name: span.name,
    kind: SpanKind[span.kind] as SeenSpan['kind'],
    ...idsOf({ spanContext: () => span.spanContext() } as Span),
    parentId: span.parentSpanContext?.spanId,
    links: span.links.map(({ context: { traceId, spanId } }) => ({ traceId, spanId })),
    error: span.status.code === SpanStatusCode.ERROR,
    attributes: { ...span.attributes },
  };
}

process.on('message', async ({ id, order }: { id: number; order: Order }) => {
  try {
    report({ id, value: await (orders[order.do] as (order: Order) => Promise<unknown>)(order) });
  } catch (error) {
    report({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
process.on('disconnect', () => process.exit());
report({ ready: true });
