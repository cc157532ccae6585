import assert from 'node:assert/strict';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { type ClientCase, type InSpan, inSpanOf } from '../kit/client-case.ts';
import { caseLimit, setDeadline, within } from '../kit/deadline.ts';
import { type MetricPoint, metricPoints } from '../kit/metric-points.ts';
import type { RecordedSpan } from '../kit/recorded-span.ts';
import { createSpanCollector, type SpanCollector } from '../kit/span-collector.ts';
import { onStage, type StageParts } from '../kit/stage.ts';
import type {
  ClientRequest,
  ClientResponse,
  HttpClientCapability,
  HttpClientConformanceOptions,
  HttpClientTraceOptions,
  HttpClientUnderTest,
} from './http-client-conformance.ts';
import { type OriginServer, startOriginServer } from './origin-server.ts';

/** One sentence of the client specification before it is bound to a client. */
export type HttpClientCase = ClientCase<HttpClientWorld, HttpClientCapability, HttpClientTraceOptions>;

/** What a client case works with. */
export interface HttpClientWorld {
  readonly options: HttpClientConformanceOptions;
  readonly spans: SpanCollector;
  readonly parts: StageParts;
  readonly notes: unknown[];
  /** The server that the client calls. */
  readonly origin: OriginServer;
  /** A server at another origin, for redirects. */
  readonly elsewhere: OriginServer;
  readonly client: HttpClientUnderTest;
  /** Whether the client makes spans. */
  readonly traced: boolean;
  /** The client, which this case needs to have the shape of `fetch`. */
  readonly fetch: typeof fetch;
  /** Makes another client, closed with the case. */
  connect(traceOptions: HttpClientTraceOptions): Promise<HttpClientUnderTest>;
  /** Calls the origin. */
  call(path: string, request?: ClientRequest): Promise<ClientResponse>;
  /** Calls the origin and reads the response to its end. */
  read(path: string, request?: ClientRequest): Promise<string>;
  readonly inSpan: InSpan;
  /** Takes the next ended CLIENT span. */
  clientSpan(): Promise<RecordedSpan>;
  /** Takes the CLIENT span if the client makes spans. */
  clientSpanIfTraced(): Promise<RecordedSpan | undefined>;
  metric(name: string): Promise<MetricPoint[]>;
}

/** Runs one case: sets the stage, calls, asserts, cleans up, and fails on anything left behind. */
export async function runHttpClientCase(
  one: HttpClientCase,
  options: HttpClientConformanceOptions,
): Promise<void> {
  const { sdk } = options;
  const spans = createSpanCollector();
  const clients = new Set<HttpClientUnderTest>();
  const meters = sdk.createMeterProvider();
  const realPropagator = sdk.createPropagator();
  const parts: { -readonly [Part in keyof StageParts]: StageParts[Part] } = {
    contextManager: sdk.createContextManager(),
    propagator: one.propagator?.(realPropagator) ?? realPropagator,
    meterProvider: one.meterProvider?.(meters.meterProvider) ?? meters.meterProvider,
  };
  const origin = await startOriginServer();
  const elsewhere = await startOriginServer();
  const clientSpan = () => spans.take(({ kind }) => kind === SpanKind.CLIENT);
  const { spans: traced = true } = options.capabilities ?? {};
  let client: HttpClientUnderTest | undefined;

  const world: HttpClientWorld = {
    options,
    spans,
    parts,
    notes: [],
    origin,
    elsewhere,
    traced: traced === true,
    get client() {
      assert.ok(client, 'the client was not made');
      return client;
    },
    get fetch() {
      assert.ok(world.client.fetch, 'the client has no fetch');
      return world.client.fetch;
    },
    async connect(traceOptions) {
      const made = await options.connect(traceOptions);
      clients.add(made);
      return made;
    },
    call: (path, request) =>
      within(world.client.request(`${origin.url}${path}`, request), () => 'the response'),
    async read(path, request) {
      return (await world.call(path, request)).text();
    },
    inSpan: inSpanOf(spans),
    clientSpan,
    clientSpanIfTraced: async () => (traced === true ? clientSpan() : undefined),
    metric: async (name) => metricPoints(await meters.collect()).filter((point) => point.name === name),
  };
  parts.tracerProvider = sdk.createTracerProvider({
    spanProcessors: [...(one.processors ?? []), spans],
    ...(one.sampler ? { sampler: one.sampler(world) } : {}),
  });

  try {
    await onStage((one.sdk ?? 'early') === 'early' ? parts : undefined, async () => {
      setDeadline(options.deadline);
      client = await world.connect(one.traceOptions?.(world) ?? {});
      try {
        await within(one.run(world), () => 'the case to finish', caseLimit());
      } finally {
        for (const made of clients) await made.close?.();
      }
      for (let turn = 0; turn < 2; turn += 1) await new Promise((next) => setImmediate(next));
      spans.assertClean();
      assert.equal(trace.getSpan(context.active()), undefined, 'a span is left active after the call');
      assert.equal(propagation.getActiveBaggage(), undefined, 'baggage is left active after the call');
    });
  } finally {
    await origin.close();
    await elsewhere.close();
  }
}
