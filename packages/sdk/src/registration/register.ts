import {
  context,
  createContextKey,
  type MeterProvider,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type TextMapPropagator,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  type Sampler,
  SamplingDecision,
  TracerProvider as SdkTracerProvider,
} from '@opentelemetry/sdk-trace';
import { activeContext } from '@throughline/core';
import { registeredApi } from '@throughline/core/seam';
import { setupError } from '../reports/setup-error.ts';
import { apiVersionSeenBy } from './api-version-seen-by.ts';

/** What all code of the process should find. */
export interface Registrations {
  readonly tracerProvider: TracerProvider | undefined;
  readonly meterProvider: MeterProvider | undefined;
  readonly propagator: TextMapPropagator;
  /** Whether an existing registration stays, without an error. So a switched-off SDK does not get in the way of another. */
  readonly yields: boolean;
}

/** The slots of the API's registry, and what each holds. */
const SLOTS = {
  trace: { api: trace, holds: 'a tracer provider' },
  context: { api: context, holds: 'a context manager' },
  propagation: { api: propagation, holds: 'a propagator' },
  metrics: { api: metrics, holds: 'a meter provider' },
} as const;

type Slot = keyof typeof SLOTS;

/**
 * Registers everything with the OpenTelemetry API, or nothing. Returns a function that undoes it.
 *
 * The API itself fails in silence: a second registration, and one through a copy of another version, return `false` and
 * leave the application without traces.
 *
 * @throws TypeError when another SDK is registered, and when copies of the API cannot see each other.
 */
export function register({ tracerProvider, meterProvider, propagator, yields }: Registrations): () => void {
  const steps: readonly (readonly [Slot, () => boolean])[] = [
    ...(tracerProvider ? [['trace', () => trace.setGlobalTracerProvider(tracerProvider)] as const] : []),
    ['context', () => context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())],
    ['propagation', () => propagation.setGlobalPropagator(propagator)],
    ...(meterProvider ? [['metrics', () => metrics.setGlobalMeterProvider(meterProvider)] as const] : []),
  ];
  const taken = steps.map(([slot]) => slot).filter((slot) => registeredApi()[slot] !== undefined);
  if (taken.length > 0 && !yields) throw takenError(taken);
  const filled = new Map<Slot, object | undefined>();
  const unregister = () => {
    for (const [slot, own] of filled) if (registeredApi()[slot] === own) SLOTS[slot].api.disable();
  };
  try {
    for (const [slot, set] of steps.filter(([slot]) => !taken.includes(slot))) {
      if (set()) filled.set(slot, registeredApi()[slot]);
      else if (!yields) throw refusedError(slot);
    }
    if (!yields) checkSdkSeesContext();
  } catch (error) {
    unregister();
    throw error;
  }
  return unregister;
}

function takenError(taken: readonly Slot[]): TypeError {
  const what = taken.map((slot) => SLOTS[slot].holds).join(', ');
  const ownMetrics = taken.every((slot) => slot === 'metrics');
  return setupError(
    `${what} ${taken.length === 1 ? 'is' : 'are'} already registered, through @opentelemetry/api ${registryVersion()}: ` +
      `another SDK was started before. Keep one of the two${ownMetrics ? '; OTEL_METRICS_EXPORTER=none leaves yours in place' : ''}`,
  );
}

/** Returns the error for a free slot that the API refused to fill: its registry belongs to a copy of another version. */
function refusedError(slot: Slot): TypeError {
  return setupError(
    `${SLOTS[slot].holds} could not be registered: this process also loaded @opentelemetry/api ${registryVersion()}, ` +
      `and @throughline/sdk uses ${apiVersionSeenBy('@throughline/sdk')}. Make it one version: npm ls @opentelemetry/api`,
  );
}

const PROBE = createContextKey('Throughline probe');

/**
 * Checks whether the SDK and our own packages find the active context. Each may load its own copy of the API, and a
 * newer copy does not see what was registered through an older one.
 *
 * The sampler of a private provider receives what the SDK takes for the active context.
 *
 * @throws TypeError that names the package which does not find it.
 */
function checkSdkSeesContext(): void {
  let seen: unknown;
  const sampler: Sampler = {
    shouldSample(parent) {
      seen = parent.getValue(PROBE);
      return { decision: SamplingDecision.NOT_RECORD };
    },
    toString: () => 'Probe',
  };
  const tracer = new SdkTracerProvider({ sampler }).getTracer('@throughline/sdk');
  const inCore = context.with(ROOT_CONTEXT.setValue(PROBE, true), () => {
    tracer.startSpan('probe');
    return activeContext().getValue(PROBE);
  });
  for (const [found, name] of [
    [seen, '@opentelemetry/sdk-trace'],
    [inCore, '@throughline/core'],
  ] as const) {
    if (found !== true)
      throw setupError(
        `${name} loads @opentelemetry/api ${apiVersionSeenBy(name)} and cannot see what is registered through ` +
          `${registryVersion()}, so no span would find its parent. Make it one version: npm ls @opentelemetry/api`,
      );
  }
}

function registryVersion(): string {
  return registeredApi().version ?? 'of unknown version';
}
