import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  context,
  type DiagLogger,
  DiagLogLevel,
  diag,
  metrics,
  propagation,
  type Span,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { type ReadableSpan, type Sampler, TracerProvider } from '@opentelemetry/sdk-trace';

/** Milliseconds; reached only when what is awaited never happens. */
const DEADLINE = 5_000;

export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${DEADLINE} ms for ${what}`)), DEADLINE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** `Promise.withResolvers`, which Node 20 does not have. */
export function withResolvers<T = void>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Holds what a tracer provider records. */
export class Recorder {
  readonly ended: ReadableSpan[] = [];
  open = 0;
  #changed = withResolvers();
  onStart(_span: Span) {
    this.open++;
  }
  onEnd(span: ReadableSpan) {
    this.open--;
    this.ended.push(span);
    this.#changed.resolve();
    this.#changed = withResolvers();
  }
  async forceFlush() {}
  async shutdown() {}
  /** All spans ended so far, once there are `count`; they are taken out. */
  async take(count: number): Promise<ReadableSpan[]> {
    const enough = async () => {
      while (this.ended.length < count) await this.#changed.promise;
    };
    await within(enough(), `${count} ended spans; ${this.ended.length} ended, ${this.open} open`);
    return this.ended.splice(0);
  }
  async one(): Promise<ReadableSpan> {
    const [span, ...others] = await this.take(1);
    if (span === undefined || others.length > 0) throw new Error(`${others.length + 1} spans instead of one`);
    return span;
  }
}

/** Registers an SDK; every test that does calls {@link stopSdk} afterwards. */
export function startSdk(sampler?: Sampler): Recorder {
  const recorder = new Recorder();
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [recorder], ...(sampler && { sampler }) }),
  );
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(w3c());
  return recorder;
}

export const w3c = () =>
  new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] });

export function stopSdk(): void {
  trace.disable();
  context.disable();
  propagation.disable();
  metrics.disable();
  diag.disable();
}

class ReaderOnDemand extends MetricReader {
  protected override async onShutdown() {}
  protected override async onForceFlush() {}
}

/** A meter provider with a function that lists its time series by metric name. */
export function createMeters() {
  const reader = new ReaderOnDemand();
  const provider = new MeterProvider({ readers: [reader] });
  return {
    provider,
    async points(name: string) {
      const { resourceMetrics } = await reader.collect();
      return resourceMetrics.scopeMetrics.flatMap(({ scope, metrics }) =>
        metrics
          .filter(({ descriptor }) => descriptor.name === name)
          .flatMap(({ descriptor, dataPoints }) =>
            // biome-ignore lint/suspicious/noExplicitAny: a value is a number or a histogram, as the test knows
            dataPoints.map((point) => ({ scope, descriptor, ...(point as { attributes: any; value: any }) })),
          ),
      );
    },
  };
}

/** Collects what is reported to `diag`. */
export function listenToDiag(): string[] {
  const lines: string[] = [];
  const log = (message: string) => lines.push(message);
  const logger = { error: log, warn: log, info: log, debug: log, verbose: log } satisfies DiagLogger;
  diag.setLogger(logger, { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true });
  lines.length = 0;
  return lines;
}

const servers: Server[] = [];

/** A server on a free port of the loopback interface; {@link closeServers} ends it. */
export async function listen(server: RequestListener | Server): Promise<number> {
  const listening = typeof server === 'function' ? createServer(server) : server;
  servers.push(listening);
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  return (listening.address() as AddressInfo).port;
}

export async function closeServers(): Promise<void> {
  for (const server of servers.splice(0)) {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections?.();
    await closed;
  }
}

export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
export const SPAN_ID = 'b7ad6b7169203331';
export const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;
export const UNSAMPLED = `00-${TRACE_ID}-${SPAN_ID}-00`;
