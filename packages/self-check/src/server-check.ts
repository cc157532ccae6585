import { type Context, type Span, TraceFlags } from '@opentelemetry/api';
import type { Scope } from '@throughline/core/seam';
import { guarded, isIgnoredRequest, registeredApi, shared } from '@throughline/core/seam';
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

/** So many requests are looked at; a service that samples has recorded one of them, most likely. */
const LOOKED_AT = 200;

/** What SDK spans show of themselves beyond the API. */
interface SdkSpan extends Span {
  readonly resource?: {
    readonly attributes: { readonly [name: string]: unknown };
    readonly asyncAttributesPending?: boolean;
  };
  readonly instrumentationScope?: { readonly name: string };
}

const ofProcess = shared('reliance', (): { relies?: Reliance } => ({}));

/** Where Next keeps what it knows of a request that it serves. */
const NEXT_REQUEST = Symbol.for('NextInternalRequestMeta');

function isSampled(span: Span): boolean {
  return (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
}

/** What the process relies on, for `tracingStatus()`; before anything is mounted, on everything that is registered. */
export function relianceOfProcess(): Reliance {
  return ofProcess.relies ?? { tracerProvider: true, propagator: true };
}

/**
 * Returns the self-check of a server that is being mounted: it looks at the first requests and says what is wrong.
 *
 * @throws Error with `selfCheck: 'throw'`, for what the registry shows already.
 * @example
 * const tracer = createHttpServerTracer(options, scope, selfCheck);
 */
export const selfCheck: ObserveServer = (options, scope) => new ServerCheck(options, scope);

class ServerCheck implements ServerObserver {
  /** Whether there is anything left to look at: the only cost for a request, when it is `false`. */
  watching: boolean;
  /** Whether no request has been looked at yet. `false` where nothing is to be checked. */
  first: boolean;
  readonly #relies: Reliance;
  readonly #scope: Scope;
  readonly #hasOptions: boolean;
  #watchingMounts: boolean;
  /** So many more answered requests are looked at for a server within this one. */
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

  /** Allocates nothing once there is no more to see than how many there are. */
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

  /** Fine when this middleware only names the route of one that knows none. */
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
    // An ignored request is not recorded because the application asked for that.
    return !ignored && this.#lookAtSpan(span);
  }

  #lookAtSpan(span: SdkSpan): boolean {
    this.#requests++;
    if (span.isRecording()) {
      this.#recorded = true;
      // The SDK complains when it is asked before its resource detectors are done.
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

/** Everything that would be a warning at the first request, and is known before it. */
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
      consequence: 'Back ends show all services without a name as one.',
      fix: 'Give the SDK a resource with service.name; most set-ups take OTEL_SERVICE_NAME=orders.',
    }),
  );
}

function noteUnsampled(): void {
  note(
    finding('TL016', 'info', {
      fact: `None of the first ${LOOKED_AT} requests was recorded, though an SDK is registered.`,
      consequence: 'They are in no trace of this service.',
      fix: 'Expected with a low sampling ratio or callers that sample nothing; else check OTEL_TRACES_SAMPLER and its _ARG.',
    }),
  );
}
