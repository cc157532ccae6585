import type { Server } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { Attributes, MeterProvider, Span, TextMapPropagator, TracerProvider } from '@opentelemetry/api';
import {
  bindCases,
  type Capabilities,
  type ConformanceCase,
  type ConformanceRunner,
  lackOf,
  registerCases,
  type Skip,
} from '../kit/conformance-case.ts';
import type { ConformanceSdk } from '../kit/conformance-sdk.ts';
import { aFunction, anObject, checkKitOptions, KIT_RULES, type KitRules } from '../kit/kit-options.ts';
import { attributeCases } from './cases/attributes.ts';
import { coexistenceCases } from './cases/coexistence.ts';
import { contextCases } from './cases/context.ts';
import { errorCases } from './cases/errors.ts';
import { hostileCases } from './cases/hostile.ts';
import { lifetimeCases } from './cases/lifetime.ts';
import { metricCases } from './cases/metrics.ts';
import { noSdkCases } from './cases/no-sdk.ts';
import { optionCases } from './cases/options.ts';
import { parentCases } from './cases/parents.ts';
import { wireTruthCases } from './cases/wire-truth.ts';
import type { HttpServerEndpoint } from './http-server-endpoints.ts';
import { type HttpServerCase, runHttpServerCase } from './http-server-stage.ts';

/** The abilities that a server adapter or its framework may lack. */
export type HttpServerCapability =
  /** The framework has a router, and the adapter reports its template as `http.route`. */
  | 'routes'
  /** The framework catches what a handler throws and answers 500 itself. */
  | 'errors'
  /** The adapter sees the error that a handler threw, and records it on the span. */
  | 'exceptions'
  /** The framework reads a body stream in the context of the handler that made it. */
  | 'streamContext'
  /** The framework can answer with a stream, and destroys the response when the stream fails. */
  | 'streamErrors'
  /** A request body that the client cut is told from one that ended, so that no handler answers it. */
  | 'cutBody'
  /** The server cuts a connection after `server.setTimeout()`, and the adapter can tell. */
  | 'serverTimeout'
  /** The server speaks HTTP/1.1, so that pipelining, `Expect` and malformed bytes can be tried. */
  | 'http1'
  /** `server.emit('request')` reaches the adapter, so that another tracer's span can be put around it. */
  | 'outerSpan'
  /** Any method reaches a route registered for all methods, `PROPFIND` included. */
  | 'anyMethod'
  | 'meterProvider'
  | 'activeRequests'
  | 'ignore'
  | 'spanName'
  | 'attributes'
  | 'hooks'
  | 'captureHeaders'
  | 'redactQuery'
  | 'trustProxy'
  | 'knownMethods'
  /** Context reaches outgoing calls with no SDK registered. */
  | 'noSdk'
  /** Wrong options throw a `TypeError` when the adapter is mounted. */
  | 'validation';

/** The part of a span that hooks get; an adapter may hand out more. */
export type HookSpan = Pick<
  Span,
  'setAttribute' | 'setAttributes' | 'addEvent' | 'spanContext' | 'isRecording'
>;

/** Options of the adapter as the kit sets them; an adapter with other names maps them in its spec file. */
export interface HttpServerTraceOptions {
  readonly tracerProvider?: TracerProvider;
  readonly meterProvider?: MeterProvider;
  readonly propagator?: TextMapPropagator;
  readonly ignore?: (request: { readonly target: string }) => boolean;
  readonly spanName?: (request: { readonly method: string }, route: string | undefined) => string;
  readonly attributes?: (request: { readonly target: string }) => Attributes;
  readonly requestHook?: (state: {
    readonly span: HookSpan;
    readonly request: { readonly target: string };
  }) => void;
  readonly responseHook?: (state: {
    readonly span: HookSpan;
    readonly request: { readonly target: string };
    readonly outcome: { readonly statusCode?: number | undefined };
  }) => void;
  readonly captureRequestHeaders?: string[];
  readonly captureResponseHeaders?: string[];
  readonly redactQuery?: string[];
  readonly trustProxy?: boolean;
  readonly activeRequests?: boolean;
}

/** What the kit asks a spec file to serve. */
export interface HttpServerSetup {
  /** Mount each of them with the framework's router. */
  readonly endpoints: readonly HttpServerEndpoint[];
  /** Hand these to the adapter as they are. */
  readonly traceOptions: HttpServerTraceOptions;
  /** How often to mount the adapter, ahead of the endpoints: 1, 2, or 0 for the application without it. */
  readonly mounts: number;
  /** The adapter's client, or the platform's own, for the endpoint that calls another service. */
  readonly fetch: typeof fetch | undefined;
  /** Call it with each error that leaves the adapter, where the framework would handle it. */
  noteError(error: unknown): void;
}

/** A server that a spec file made; the kit listens on a free port if it does not listen yet, and closes it. */
export interface ServedHttp {
  readonly server: Server | Http2Server | Http2SecureServer;
  /** Frees what closing the server does not. */
  close?(): unknown;
}

/** What `error.type` says when a response was cut, by cause. */
export interface CutErrorTypes {
  readonly clientDisconnected: string;
  readonly timeout: string;
  readonly destroyed: string;
}

/** Everything that the kit needs to know about one adapter on one framework version. */
export interface HttpServerConformanceOptions {
  /** Title of the report: `express 5`. */
  readonly name: string;
  readonly sdk: ConformanceSdk;
  /** Makes the application for one case. Called once per case; what it throws fails the case. */
  serve(setup: HttpServerSetup): ServedHttp | Promise<ServedHttp>;
  /** The adapter's client; without it, cases that call on to another service are skipped. */
  readonly fetch?: typeof fetch;
  /** @default "http" */
  readonly scheme?: 'http' | 'https';
  /** @default "1.1" */
  readonly httpVersion?: '1.1' | '2';
  /**
   * The `http.route` expected of an endpoint, where it is not the mounts and the path joined.
   *
   * Frameworks spell wildcards differently; the rest should need no entry.
   */
  routeOf?(endpoint: HttpServerEndpoint): string | undefined;
  /** @default client_disconnected, timeout, response_destroyed */
  readonly errorTypes?: CutErrorTypes;
  /** Milliseconds that a case waits for what has to happen, before it fails. @default 2000 */
  readonly deadline?: number;
  /** @default every ability present */
  readonly capabilities?: Capabilities<HttpServerCapability>;
}

const GROUPS: Readonly<Record<string, readonly HttpServerCase[]>> = {
  parents: parentCases,
  context: contextCases,
  lifetime: lifetimeCases,
  'truth on the wire': wireTruthCases,
  'names and attributes': attributeCases,
  errors: errorCases,
  metrics: metricCases,
  options: optionCases,
  'hostile input': hostileCases,
  coexistence: coexistenceCases,
  'no SDK': noSdkCases,
};

const RULES: KitRules = {
  ...KIT_RULES,
  serve: aFunction,
  fetch: aFunction,
  scheme: [(value) => value === 'http' || value === 'https', "'http' or 'https'"],
  httpVersion: [(value) => value === '1.1' || value === '2', "'1.1' or '2'"],
  routeOf: aFunction,
  errorTypes: anObject,
};

/**
 * Lists the server cases for an adapter, each with its own `run()`, for runners that are not `describe`/`it`.
 *
 * Cases take turns on the API's globals: two that are run at the same time wait for each other.
 * @example
 * for (const one of httpServerConformanceCases(options)) if (!one.skip) await one.run();
 */
export function httpServerConformanceCases(options: HttpServerConformanceOptions): ConformanceCase[] {
  checkKitOptions('httpServerConformanceCases()', options, RULES, GROUPS);
  return bindCases(
    GROUPS,
    (one) => runHttpServerCase(one, options),
    (need) => lacks(options, need),
  );
}

/**
 * Registers the server cases with a test runner.
 *
 * @example
 * import { describe, it } from 'node:test';
 * defineHttpServerConformance({ describe, it }, { name: 'my adapter', sdk, serve });
 */
export function defineHttpServerConformance(
  runner: ConformanceRunner,
  options: HttpServerConformanceOptions,
): void {
  registerCases(
    runner,
    `${options.name}, HTTP server, ${options.sdk.name}`,
    httpServerConformanceCases(options),
  );
}

function lacks(
  { fetch, httpVersion, capabilities }: HttpServerConformanceOptions,
  need: HttpServerCapability | 'fetch',
): Skip | undefined {
  if (need === 'fetch') return fetch ? undefined : { reason: 'the spec file gives no fetch' };
  if (need === 'http1' && httpVersion === '2') return { reason: 'HTTP/2 has other means for it' };
  return lackOf(capabilities, need);
}
