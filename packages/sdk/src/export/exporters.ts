import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { MAX_DELAY } from '../settings/environment-reader.ts';
import { jsonExporters, type OtlpSettings } from '../settings/otlp-settings.ts';
import { type Done, PendingExports } from './pending-exports.ts';
import { ReceiverConnections } from './receiver-connections.ts';

type Create<T> = new (config: object) => T;

/** How much longer than its timeout an exporter may take, in milliseconds. */
const GRACE = 250;

/** An exporter whose pending requests can be cancelled. */
export interface Sending<T> {
  readonly exporter: T;
  /** Makes unanswered exports fail with `reason`, and later ones, too. */
  giveUp(reason: Error): void;
}

/**
 * Returns the exporter of spans. It accepts `batches` requests at once, because a flush sends that many, and answers each
 * within `timeout` milliseconds.
 */
export function createTraceExporter(
  otlp: OtlpSettings,
  batches: number,
  timeout: number,
): Sending<SpanExporter> {
  const Exporter: Create<SpanExporter> =
    otlp.protocol === 'http/json'
      ? (jsonExporters('TRACES').OTLPTraceExporter as Create<SpanExporter>)
      : OTLPTraceExporter;
  const limited = { ...otlp, timeout: Math.min(otlp.timeout, timeout) };
  return create(Exporter, limited, { concurrencyLimit: batches });
}

/** Returns the exporter of metrics. */
export function createMetricExporter(otlp: OtlpSettings): Sending<PushMetricExporter> {
  const Exporter: Create<PushMetricExporter> =
    otlp.protocol === 'http/json'
      ? (jsonExporters('METRICS').OTLPMetricExporter as Create<PushMetricExporter>)
      : OTLPMetricExporter;
  return create(Exporter, otlp, {});
}

interface Exporter<Items> {
  export(items: Items, done: Done): void;
  /** Absent: the exporter holds nothing back. */
  forceFlush?(): Promise<void>;
  shutdown(): Promise<void>;
}

function create<Items, T extends Exporter<Items>>(
  Exporter: Create<T & Exporter<Items>>,
  { url, headers, timeout, compression, tls }: OtlpSettings,
  more: object,
): Sending<T> {
  const connections = new ReceiverConnections(tls);
  const pending = new PendingExports();
  const exporter = new Exporter({
    url,
    headers: { ...headers },
    timeoutMillis: timeout,
    compression,
    httpAgentOptions: (protocol: string) => connections.agent(protocol),
    ...more,
  });
  const send = exporter.export.bind(exporter);
  const shutdown = exporter.shutdown.bind(exporter);
  return {
    exporter: Object.assign(exporter, {
      // The exporter's own timeout should come first, because it knows the reason. But each byte that arrives restarts it.
      export: (items: Items, done: Done) =>
        send(items, pending.track(done, Math.min(timeout + GRACE, MAX_DELAY))),
      forceFlush: () => pending.settled(),
      shutdown: () => Promise.race([shutdown(), pending.settled()]),
    }),
    giveUp(reason) {
      pending.giveUp(reason);
      connections.giveUp(reason);
    },
  };
}
