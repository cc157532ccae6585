import { type Context, type Span, TraceFlags } from '@opentelemetry/api';
import type { Scope } from '@throughline/core/seam';
import { guarded, isIgnoredRequest, registeredApi, sharedByCopies } from '@throughline/core/seam';
import type {
  ForeignSpan,
  HttpServerOptions,
  ObserveServer,
  ServerObserver,
} from '@throughline/http-semantics';
import { watchBareCalls } from './bare-calls.ts';
import { callsWithoutParent } from './calls-without-parent.ts';
import { watchDuplicateHeaders } from './duplicate-headers.ts';
import { announce, finding, isDevelopment, note, textOf } from './finding.ts';
import { mountedAfterRoutes, mountedTwice, registeredWithoutRoutes, servedByNext } from './mount-findings.ts';
import { checkRegistration, type Reliance } from './registration-findings.ts';
import { foreignSpan } from './tracer-findings.ts';

/** How many requests are examined. A service that samples has most likely recorded one of them. */
const LOOKED_AT = 200;

/** What an SDK's spans show beyond the API. */
interface SdkSpan extends Span {
  readonly resource?: {
    readonly attributes: { readonly [name: string]: unknown };
    readonly asyncAttributesPending?: boolean;
  };
  readonly instrumentationScope?: { readonly name: string };
}

const ofProcess = sharedByCopies('reliance', (): { relies?: Reliance } => ({}));

/** The property in which Next keeps its data of a request that it serves. */
const NEXT_REQUEST = Symbol.for('NextInternalRequestMeta');

function isSampled(span: Span): boolean {
  return (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
}

/** Returns what the process relies on, for `tracingStatus()`; everything, if nothing is mounted yet. */
export function relianceOfProcess(): Reliance {
  return ofProcess.relies ?? { tracerProvider: true, propagator: true };
}

/**
 * Returns the self-check of a server that is being mounted. It examines the first requests and reports findings.
 *
 * @throws Error with `selfCheck: 'throw'`, for warnings that the registry already shows.
 * @example
 * const tracer = createHttpServerTracer(options, scope, selfCheck);
 */
export const selfCheck: ObserveServer = (options, scope) => new ServerCheck(options, scope);

class ServerCheck implements ServerObserver {
  /** Whether anything is left to check. While it is `false`, reading it is the only cost for a request. */
  watching: boolean;
  /** Whether no request has been examined yet. `false` if nothing is to be checked. */
  first: boolean;
  readonly #relies: Reliance;
  readonly #scope: Scope;
  readonly #hasOptions: boolean;
  #watchingMounts: boolean;
  /** How many more answered requests are examined for a server within this one. */
  #answersToSee: number;
  #settled = false;
  #requests = 0;
  #recorded = false;

  constructor(options: HttpServerOptions, scope: Scope) {
    const { selfCheck: mode = 'warn', tracerProvider, propagator } = options;
    this.#relies = { tracerProvider: tracerProvider === undefined, propagator: propagator === undefined };
    this.watching = mode !== 'off';
    this.first = this.watching;
    this.#watchingMounts = this.watching && isDevelopment();
    this.#answersToSee = this.#watchingMounts ? LOOKED_AT : 0;
    this.#scope = scope;
    this.#hasOptions = Object.keys(options).length > 0;
    if (mode === 'off') return;
    if (mode === 'throw') throwAtMount(this.#relies, scope);
    const { relies } = ofProcess;
    ofProcess.relies = {
      tracerProvider: relies?.tracerProvider || this.#relies.tracerProvider,
      propagator: relies?.propagator || this.#relies.propagator,
    };
  }

  /** Allocates nothing once only the number of requests is of interest. */
  started({ span, context }: { readonly span: Span; readonly context: Context }): void {
    callsWithoutParent.requestsInProgress++;
    if (!this.#settled) {
      const look = () => this.#look(span, isIgnoredRequest(context));
      this.#settled = guarded('a self-check failed', look, true);
    }
    this.watching = !this.#settled || callsWithoutParent.watching;
  }

  ended(): void {
    callsWithoutParent.requestsInProgress--;
  }

  foreign(found: ForeignSpan): void {
    if (!this.#settled) note(foreignSpan(found));
  }

  /** Reports nothing if this middleware only names the route, which the first one does not. */
  servedTwice(namesRoute: boolean): void {
    if (!this.#watchingMounts || (namesRoute && !this.#hasOptions)) return;
    this.#watchingMounts = false;
    note(mountedTwice(this.#scope.entry));
  }

  get watchingAnswers(): boolean {
    return this.#answersToSee > 0;
  }

  answered(req: object, { span }: { readonly span: Span }): void {
    this.#answersToSee--;
    if (!(NEXT_REQUEST in req) || !isSampled(span)) return;
    this.#answersToSee = 0;
    note(servedByNext());
  }

  mountedAfter(routes: () => readonly string[]): void {
    const found = guarded('a self-check failed', routes, []);
    if (found.length > 0) note(mountedAfterRoutes(this.#scope, found));
  }

  registered(reachesNoRoute: () => boolean): void {
    if (this.first && guarded('a self-check failed', reachesNoRoute, false)) note(registeredWithoutRoutes());
  }

  /** Returns whether enough was seen. */
  #look(span: SdkSpan, ignored: boolean): boolean {
    if (this.first) {
      this.first = false;
      for (const found of checkRegistration(this.#relies)) announce(found);
      if (isDevelopment()) {
        watchDuplicateHeaders();
        watchBareCalls();
        callsWithoutParent.watching = !callsWithoutParent.found;
      }
    }
    // An ignored request is unrecorded on purpose.
    return !ignored && this.#lookAtSpan(span);
  }

  #lookAtSpan(span: SdkSpan): boolean {
    this.#requests++;
    if (span.isRecording()) {
      this.#recorded = true;
      // The SDK logs an error if attributes are read before its resource detectors are done.
      const { resource } = span;
      if (resource?.asyncAttributesPending !== true) {
        checkServiceName(resource?.attributes['service.name']);
        return true;
      }
    }
    if (this.#requests < LOOKED_AT) return false;
    const couldRecord = !this.#relies.tracerProvider || registeredApi().trace !== undefined;
    if (!this.#recorded && couldRecord) noteUnsampled();
    return true;
  }
}

/** Throws if the registry already shows what would be a warning at the first request. */
function throwAtMount(relies: Reliance, scope: Scope): void {
  const found = checkRegistration(relies).filter(({ level }) => level === 'warning');
  if (found.length === 0) return;
  throw new Error(`[throughline/${scope.package}] ${scope.entry}: ${found.map(textOf).join('\n')}`, {
    cause: found,
  });
}

function checkServiceName(name: unknown): void {
  if (typeof name !== 'string' || !name.startsWith('unknown_service')) return;
  note(
    finding('TL015', 'warning', {
      fact: `The SDK's resource has no service.name of its own: it is ${name}.`,
      consequence: 'Back ends show all services without a name as one service.',
      fix: 'Give the SDK a resource with service.name; most set-ups read it from OTEL_SERVICE_NAME=orders.',
    }),
  );
}

function noteUnsampled(): void {
  note(
    finding('TL016', 'info', {
      fact: `None of the first ${LOOKED_AT} requests was recorded, though an SDK is registered.`,
      consequence: 'This service has no spans for them.',
      fix: 'Expected with a low sampling ratio or callers that sample nothing; otherwise check OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG.',
    }),
  );
}
