import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import {
  type Context,
  type ContextManager,
  context,
  type MeterProvider,
  propagation,
  type SpanContext,
  SpanKind,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api';
import type { SamplerLike, SpanProcessorLike } from '../kit/conformance-sdk.ts';
import { caseLimit, setDeadline, within } from '../kit/deadline.ts';
import { createGate, type Gate, withResolvers } from '../kit/gate.ts';
import { type MetricPoint, metricPoints } from '../kit/metric-points.ts';
import type { RecordedSpan } from '../kit/recorded-span.ts';
import { createSpanCollector, type SpanCollector } from '../kit/span-collector.ts';
import { onStage, register, type StageParts } from '../kit/stage.ts';
import type {
  CutErrorTypes,
  HttpServerCapability,
  HttpServerConformanceOptions,
  HttpServerTraceOptions,
  ServedHttp,
} from './http-server-conformance.ts';
import { createEndpoints, type EndpointCall } from './http-server-endpoints.ts';
import { createStatusTruth } from './status-truth.ts';
import {
  connect,
  exchangeBytes,
  type Origin,
  type WireClient,
  type WireExchange,
  type WireRequest,
  type WireResponse,
} from './wire.ts';

/** Which context an endpoint saw, and where. */
interface Sighting {
  readonly label: string;
  /** The `x-request` header of the request, by which a case tells its requests apart. */
  readonly request: string;
  readonly spanContext: SpanContext | undefined;
  readonly context: Context;
  readonly baggage: Readonly<Record<string, string>>;
}

/** One sentence of the server specification before it is bound to an adapter. */
export interface HttpServerCase {
  readonly name: string;
  readonly needs?: readonly (HttpServerCapability | 'fetch')[];
  /** Options for the adapter; called once the SDK's parts exist. */
  traceOptions?(world: HttpServerWorld): HttpServerTraceOptions;
  /** @default 1 */
  readonly mounts?: number;
  /** `none`: nothing is registered; `late`: registered by the case, after the adapter was mounted. @default "early" */
  readonly sdk?: 'early' | 'late' | 'none';
  readonly sampler?: (world: HttpServerWorld) => SamplerLike;
  readonly processors?: readonly SpanProcessorLike[];
  /** Stands in for the SDK's part, which it is given. */
  propagator?(real: TextMapPropagator): TextMapPropagator;
  contextManager?(real: ContextManager): ContextManager;
  meterProvider?(real: MeterProvider): MeterProvider;
  /** The case starts the server itself, with `world.start()`. */
  readonly manual?: boolean;
  run(world: HttpServerWorld): Promise<void>;
}

/** What a server case works with. */
export interface HttpServerWorld {
  readonly options: HttpServerConformanceOptions;
  readonly spans: SpanCollector;
  readonly origin: Origin;
  readonly served: ServedHttp;
  /** Errors that left the adapter towards the framework, in order. */
  readonly errors: readonly unknown[];
  readonly sightings: readonly Sighting[];
  readonly errorTypes: CutErrorTypes;
  readonly parts: StageParts;
  /** Set by cases that put a context around the server on purpose. */
  outerContext: boolean;
  /** What a case wants to keep between its `sampler` or hooks and its `run`. */
  readonly notes: unknown[];
  start(change?: { traceOptions?: HttpServerTraceOptions; mounts?: number }): Promise<void>;
  stop(): Promise<void>;
  /** Destroys the server's side of every connection, as a process does that gives up waiting. */
  cutConnections(): void;
  /** Sends a request on a connection of its own. */
  send(path: string, request?: WireRequest): WireExchange;
  /** Sends a request and reads the whole response. */
  get(path: string, request?: WireRequest): Promise<WireResponse>;
  /** A client that keeps one connection open. */
  keepAlive(): WireClient;
  bytes(pieces: string | readonly string[]): Promise<string>;
  gate(name: string): Gate;
  /** The first sighting with this label, for this request if named; waits for it. */
  sighted(label: string, request?: string): Promise<Sighting>;
  /** Takes the next ended SERVER span. */
  serverSpan(): Promise<RecordedSpan>;
  /** Span name expected for a method on an endpoint given by its full template. */
  nameOf(method: string, template: string): string;
  /** `http.route` expected for an endpoint given by its full template. */
  routeOf(template: string): string | undefined;
  /** Recorded points of one instrument. */
  metric(name: string): Promise<MetricPoint[]>;
  registerSdk(): void;
}

const ERROR_TYPES: CutErrorTypes = {
  clientDisconnected: 'client_disconnected',
  timeout: 'timeout',
  destroyed: 'response_destroyed',
};

/** Runs one case: sets the stage, serves, asserts, cleans up, and fails on anything left behind. */
export async function runHttpServerCase(
  one: HttpServerCase,
  options: HttpServerConformanceOptions,
): Promise<void> {
  const { sdk } = options;
  const spans = createSpanCollector();
  const clients = new Set<WireClient>();
  const gates = new Map<string, Gate>();
  const sightings: Sighting[] = [];
  const errors: unknown[] = [];
  const sockets = new Set<Socket>();
  const truth = createStatusTruth();
  let sighted = withResolvers<void>();
  let served: ServedHttp | undefined;
  let origin: Origin | undefined;

  const sight = (label: string, req: EndpointCall['req'] | IncomingMessage): void => {
    const active = context.active();
    const entries = propagation.getBaggage(active)?.getAllEntries() ?? [];
    sightings.push({
      label,
      request: String(req.headers['x-request'] ?? ''),
      spanContext: trace.getSpanContext(active),
      context: active,
      baggage: Object.fromEntries(entries.map(([key, { value }]) => [key, value])),
    });
    sighted.resolve();
    sighted = withResolvers();
  };
  const gate = (name: string): Gate => {
    const known = gates.get(name) ?? createGate();
    gates.set(name, known);
    return known;
  };
  const client = (keepAlive: boolean): WireClient => {
    const made = connect(world.origin, keepAlive);
    clients.add(made);
    return {
      send(path, request) {
        const exchange = made.send(path, request);
        exchange.head.then(
          ({ status }) => truth.onWire(status),
          () => {},
        );
        return exchange;
      },
      close: () => made.close(),
    };
  };
  const endpoints = createEndpoints({ sight, gate, fetch: options.fetch });
  const full = (template: string) =>
    endpoints.find(({ mounts, path }) => `${mounts.join('')}${path}` === template);

  const meters = sdk.createMeterProvider();
  const realManager = sdk.createContextManager();
  const realPropagator = sdk.createPropagator();
  const parts: { -readonly [Part in keyof StageParts]: StageParts[Part] } = {
    contextManager: one.contextManager?.(realManager) ?? realManager,
    propagator: one.propagator?.(realPropagator) ?? realPropagator,
    meterProvider: one.meterProvider?.(meters.meterProvider) ?? meters.meterProvider,
  };

  const world: HttpServerWorld = {
    options,
    spans,
    get origin() {
      return required(origin, 'the server was not started');
    },
    get served() {
      return required(served, 'the server was not started');
    },
    errors,
    sightings,
    errorTypes: options.errorTypes ?? ERROR_TYPES,
    parts,
    outerContext: false,
    notes: [],
    async start(change = {}) {
      const serving = options.serve({
        endpoints,
        traceOptions: change.traceOptions ?? one.traceOptions?.(world) ?? {},
        mounts: change.mounts ?? one.mounts ?? 1,
        fetch: options.fetch,
        noteError: (error) => errors.push(error),
      });
      served = await within(Promise.resolve(serving), () => 'the application to be made');
      const { server } = served;
      server.on('connection', (socket: Socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
      });
      server.prependListener('request', (req: IncomingMessage) => sight('outside', req));
      if (!server.listening) {
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
      }
      origin = {
        scheme: options.scheme ?? 'http',
        httpVersion: options.httpVersion ?? '1.1',
        port: (server.address() as AddressInfo).port,
      };
    },
    cutConnections() {
      for (const socket of sockets) socket.destroy();
    },
    async stop() {
      for (const one of gates.values()) one.open();
      for (const one of clients) one.close();
      clients.clear();
      if (!served) return;
      const { server, close } = served;
      const closed = server.listening ? new Promise((done) => server.close(done)) : undefined;
      world.cutConnections();
      await close?.();
      await closed;
      served = undefined;
    },
    send: (path, request) => client(false).send(path, request),
    get: (path, request) => client(false).send(path, request).response,
    keepAlive: () => client(true),
    async bytes(pieces) {
      const received = await exchangeBytes(world.origin, pieces);
      for (const [, status] of received.matchAll(/HTTP\/1\.1 (\d{3}) /g)) truth.onWire(Number(status));
      return received;
    },
    gate,
    async sighted(label, request) {
      const search = async (): Promise<Sighting> => {
        for (;;) {
          const found = sightings.find(
            (sighting) => sighting.label === label && (request ?? sighting.request) === sighting.request,
          );
          if (found) return found;
          await sighted.promise;
        }
      };
      return within(search(), () => `the endpoint to reach '${label}'`);
    },
    serverSpan: () => spans.take(({ kind }) => kind === SpanKind.SERVER),
    nameOf(method, template) {
      const route = world.routeOf(template);
      return route === undefined ? method : `${method} ${route}`;
    },
    routeOf(template) {
      const { routes = true } = options.capabilities ?? {};
      if (routes !== true) return undefined;
      const endpoint = required(full(template), `no endpoint ${template}`);
      return options.routeOf?.(endpoint) ?? template;
    },
    metric: async (name) => metricPoints(await meters.collect()).filter((point) => point.name === name),
    registerSdk: () => register(parts),
  };
  parts.tracerProvider = sdk.createTracerProvider({
    spanProcessors: [...(one.processors ?? []), truth, spans],
    ...(one.sampler ? { sampler: one.sampler(world) } : {}),
  });

  await onStage((one.sdk ?? 'early') === 'early' ? parts : undefined, async () => {
    setDeadline(options.deadline);
    try {
      if (!one.manual) await world.start();
      await within(one.run(world), () => 'the case to finish', caseLimit());
    } finally {
      await within(world.stop(), () => 'the server to close');
    }
    // Whatever ends late or twice does so by now: all sockets are gone, and two turns have passed.
    for (let turn = 0; turn < 2; turn += 1) await new Promise((next) => setImmediate(next));
    spans.assertClean();
    truth.assertTold();
    if (world.outerContext) return;
    for (const { label, request, spanContext } of sightings) {
      if (label !== 'outside') continue;
      assert.equal(
        spanContext,
        undefined,
        `request '${request}' arrived in a context left active by another`,
      );
    }
  });
}

function required<T>(value: T | undefined, missing: string): T {
  assert.ok(value !== undefined, missing);
  return value;
}
