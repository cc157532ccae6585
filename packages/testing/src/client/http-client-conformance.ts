import type { Attributes, MeterProvider, TextMapPropagator, TracerProvider } from '@opentelemetry/api';
import {
  bindCases,
  type Capabilities,
  type ConformanceCase,
  type ConformanceRunner,
  lackOf,
  registerCases,
} from '../kit/conformance-case.ts';
import type { ConformanceSdk } from '../kit/conformance-sdk.ts';
import { aFunction, checkKitOptions, KIT_RULES, type KitRules } from '../kit/kit-options.ts';
import type { HookSpan } from '../server/http-server-conformance.ts';
import { clientFailureCases } from './cases/failures.ts';
import { clientMetricCases } from './cases/metrics.ts';
import { clientNoSdkCases } from './cases/no-sdk.ts';
import { clientOptionCases } from './cases/options.ts';
import { propagationCases } from './cases/propagation.ts';
import { redirectCases } from './cases/redirects.ts';
import { requestCases } from './cases/requests.ts';
import { spanCases } from './cases/spans.ts';
import { type HttpClientCase, runHttpClientCase } from './http-client-stage.ts';

/** The abilities that a client may lack. */
export type HttpClientCapability =
  /** Makes a CLIENT span per request; without it, only what is on the wire is checked. */
  | 'spans'
  /** Has the shape of the global `fetch`. */
  | 'fetch'
  /** Follows redirects in its own sight, one span per hop. */
  | 'redirects'
  /** Removes stale fields that the caller set, in any letter case. */
  | 'replace'
  /** Sees the request's headers, and with them a signature. */
  | 'signature'
  /** Sends methods outside the known ones. */
  | 'anyMethod'
  /** A request can be given up by an `AbortSignal`. */
  | 'abort'
  /** Can end the span with the response's body instead of its head. */
  | 'endOnBody'
  | 'metrics'
  | 'ignore'
  | 'spanName'
  | 'attributes'
  | 'hooks'
  | 'captureHeaders'
  | 'redactQuery'
  | 'providers'
  | 'validation';

/** Options of the client as the kit sets them; a client with other names maps them in its spec file. */
export interface HttpClientTraceOptions {
  readonly tracerProvider?: TracerProvider;
  readonly meterProvider?: MeterProvider;
  readonly propagator?: TextMapPropagator;
  readonly ignore?: (request: { readonly url: URL }) => boolean;
  readonly spanName?: (request: { readonly method: string }) => string;
  readonly attributes?: (request: { readonly url: URL }) => Attributes;
  readonly requestHook?: (state: {
    readonly span: HookSpan;
    readonly request: { readonly url: URL };
  }) => void;
  readonly responseHook?: (state: {
    readonly span: HookSpan;
    readonly request: { readonly url: URL };
    readonly outcome: { readonly statusCode?: number | undefined };
  }) => void;
  readonly captureRequestHeaders?: string[];
  readonly captureResponseHeaders?: string[];
  readonly redactQuery?: string[];
  readonly endOn?: 'headers' | 'body';
}

/** A request as a case wants it sent. */
export interface ClientRequest {
  /** @default "GET" */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** What a case reads of a response. */
export interface ClientResponse {
  readonly status: number;
  text(): Promise<string>;
}

/** A client that a spec file made. */
export interface HttpClientUnderTest {
  /**
   * Sends one request and resolves when the response's head is in, whatever its status; rejects when none came.
   * Follows redirects if the client does.
   */
  request(url: string, request?: ClientRequest): Promise<ClientResponse>;
  /** The client itself, if it has the shape of the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** The classes that go with `fetch`. @default the platform's own */
  readonly classes?: { readonly Request: typeof Request; readonly Response: typeof Response };
  /** Frees its connections. */
  close?(): unknown;
}

/** Everything that the kit needs to know about one client. */
export interface HttpClientConformanceOptions {
  /** Title of the report: `tracedFetch`. */
  readonly name: string;
  readonly sdk: ConformanceSdk;
  /** Makes the client for one case, with these options. */
  connect(traceOptions: HttpClientTraceOptions): HttpClientUnderTest | Promise<HttpClientUnderTest>;
  /** Milliseconds that a case waits for what has to happen, before it fails. @default 2000 */
  readonly deadline?: number;
  /** @default every ability present */
  readonly capabilities?: Capabilities<HttpClientCapability>;
}

const GROUPS: Readonly<Record<string, readonly HttpClientCase[]>> = {
  propagation: propagationCases,
  spans: spanCases,
  failures: clientFailureCases,
  'requests and responses': requestCases,
  redirects: redirectCases,
  metrics: clientMetricCases,
  options: clientOptionCases,
  'no SDK': clientNoSdkCases,
};

const RULES: KitRules = {
  ...KIT_RULES,
  connect: aFunction,
};

/**
 * Lists the client cases, each with its own `run()`, for runners that are not `describe`/`it`.
 *
 * @example
 * for (const one of httpClientConformanceCases(options)) if (!one.skip) await one.run();
 */
export function httpClientConformanceCases(options: HttpClientConformanceOptions): ConformanceCase[] {
  checkKitOptions('httpClientConformanceCases()', options, RULES, GROUPS);
  return bindCases(
    GROUPS,
    (one) => runHttpClientCase(one, options),
    (need) => lackOf(options.capabilities, need),
  );
}

/**
 * Registers the client cases with a test runner.
 *
 * @example
 * import { describe, it } from 'node:test';
 * defineHttpClientConformance({ describe, it }, { name: 'my client', sdk, connect });
 */
export function defineHttpClientConformance(
  runner: ConformanceRunner,
  options: HttpClientConformanceOptions,
): void {
  registerCases(
    runner,
    `${options.name}, HTTP client, ${options.sdk.name}`,
    httpClientConformanceCases(options),
  );
}
