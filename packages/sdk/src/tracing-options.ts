import type { Attributes } from '@opentelemetry/api';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import { SCOPE } from './reports/setup-error.ts';
import { checkSampling, type SamplingOptions } from './sampling/sampling.ts';
import { isHttpUrl } from './settings/environment-reader.ts';
import { isHeader } from './settings/is-header.ts';

/** Options of `startTracing()`. Each overrides the environment variable for the same setting. */
export interface TracingOptions {
  /**
   * `service.name`. Default: `OTEL_SERVICE_NAME`, then `service.name` in `OTEL_RESOURCE_ATTRIBUTES`. Without any of these
   * it is `unknown_service:node`, and a line on stderr says so.
   */
  readonly serviceName?: string;
  /** `service.version`, such as the version of your package or a commit. Default: none. */
  readonly serviceVersion?: string;
  /** `deployment.environment.name`, such as `production` or `staging`. Default: none. */
  readonly environment?: string;
  /** Further resource attributes. Promises are not allowed. Default: none. */
  readonly resourceAttributes?: Attributes;
  /**
   * Base URL of an OTLP receiver, such as `http://collector:4318`; `v1/traces` and `v1/metrics` are appended.
   * Default: `OTEL_EXPORTER_OTLP_ENDPOINT` and its two variants. Without any of these, nothing is sent.
   */
  readonly endpoint?: string;
  /** Headers of each export request, such as a key, added to those of `OTEL_EXPORTER_OTLP_HEADERS`. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Which traces that begin here are recorded. Default: `OTEL_TRACES_SAMPLER`, and without it all. */
  readonly sampling?: SamplingOptions;
  /** Names of propagators, as in `OTEL_PROPAGATORS`. Default: that variable, and without it `tracecontext,baggage`. */
  readonly propagators?: string | readonly string[];
  /** Your own span processors, called before the exporter's. What they throw is reported once. Default: none. */
  readonly spanProcessors?: readonly SpanProcessor[];
  /**
   * Which code records spans. `throughline`: a tracer and a span of this package, between the SDK's sampler and
   * processors, which record the same as the SDK's own and cost less. `sdk`: the SDK's own. Default: `throughline`.
   */
  readonly recorder?: 'throughline' | 'sdk';
  /** How long flush, shutdown and the end of the process wait for the exporter, in milliseconds. Default: 5000. */
  readonly shutdownTimeout?: number;
  /** Whether signals that end the process (SIGTERM, SIGINT, SIGHUP and the like) flush. Default: true. */
  readonly handleSignals?: boolean;
  /** Whether a wrong variable is an error, rather than a line on stderr. Default: false. */
  readonly strict?: boolean;
}

const text = [
  (value: unknown) => typeof value === 'string' && value.trim() !== '',
  'a non-empty string',
] as const;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isAttributeValue = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.every((item) => !Array.isArray(item) && isAttributeValue(item))
    : ['string', 'number', 'boolean', 'undefined'].includes(typeof value);
const isName = (value: unknown) => typeof value === 'string' && /[^,\s]/.test(value);

/** @throws TypeError for an option that has the wrong type or does not exist. */
export function checkTracingOptions(options: TracingOptions): void {
  SCOPE.check(options, {
    serviceName: text,
    serviceVersion: text,
    environment: text,
    resourceAttributes: [
      (value) => isRecord(value) && Object.values(value).every(isAttributeValue),
      'an object of strings, numbers, booleans or arrays of them',
    ],
    endpoint: [isHttpUrl, 'a URL that begins with http:// or https://'],
    headers: [
      (value) =>
        isRecord(value) &&
        Object.entries(value).every(([name, text]) => typeof text === 'string' && isHeader(name, text)),
      'an object of strings that HTTP allows',
    ],
    sampling: [isRecord, 'an object'],
    propagators: [
      (value) => isName(value) || (Array.isArray(value) && value.length > 0 && value.every(isName)),
      'a name or an array of names',
    ],
    spanProcessors: [
      (value) =>
        Array.isArray(value) &&
        value.every(
          (item) => isRecord(item) && typeof item.onStart === 'function' && typeof item.onEnd === 'function',
        ),
      'an array of span processors',
    ],
    recorder: [(value) => value === 'throughline' || value === 'sdk', "'throughline' or 'sdk'"],
    shutdownTimeout: [
      (value) => typeof value === 'number' && value >= 0 && value <= 0x7fff_ffff,
      'a number of milliseconds',
    ],
    handleSignals: 'boolean',
    strict: 'boolean',
  });
  if (options.sampling !== undefined) checkSampling(options.sampling);
}
