import {
  type Context,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  type TextMapPropagator,
  type TextMapSetter,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { guarded } from '@throughline/guard';
import { activeContext, runInContext } from '../context/active-context.ts';
import { perRegistration, registeredApi } from '../setup/registered-api.ts';
import { passThrough } from './pass-through.ts';

const registered: TextMapPropagator = {
  fields: () => propagation.fields(),
  extract: (context, carrier, getter) => propagation.extract(context, carrier, getter),
  inject(context, carrier, setter) {
    if (writesActiveOnly()) injectActive(context, carrier, setter);
    else propagation.inject(context, carrier, setter);
  },
};

function injectActive<C>(context: Context, carrier: C, setter: TextMapSetter<C>): void {
  runInContext(context, () => propagation.inject(activeContext(), carrier, setter));
}

const SAMPLE: SpanContext = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
};

/**
 * Returns the fields that the registered propagator writes for a sampled span, or throws what it throws. Its `fields()`
 * would not do: some propagators list none.
 */
export function fieldsWritten(): string[] {
  const written: string[] = [];
  const inject = writesActiveOnly() ? injectActive : propagation.inject.bind(propagation);
  inject(trace.setSpanContext(ROOT_CONTEXT, SAMPLE), written, names);
  return written;
}

const names: TextMapSetter<string[]> = {
  set(written, name) {
    written.push(name);
  },
};

/** Whether the registered propagator refuses a context that is not the active one. Sentry's does. */
const writesActiveOnly = perRegistration('propagation', () => {
  const sample = trace.setSpanContext(ROOT_CONTEXT, SAMPLE);
  const written: string[] = [];
  const probe = () => {
    propagation.inject(sample, written, names);
    if (written.length > 0) return false;
    injectActive(sample, written, names);
    return written.length > 0;
  };
  return guarded('a propagator threw in inject()', probe, false);
});

/** Returns the propagator in force: the given one, else the registered one, else the one that passes the fields on. */
export function propagatorOf(given: TextMapPropagator | undefined): TextMapPropagator {
  return given ?? (hasPropagator() ? registered : passThrough);
}

/** Whether a propagator is registered that our copy of the API can read; an older copy does not see it. */
const hasPropagator = perRegistration('propagation', () => {
  const { propagation: slot } = registeredApi();
  if (slot === undefined) return false;
  const fields = guarded(
    'a propagator threw in fields()',
    () => (slot as TextMapPropagator).fields().length,
    -1,
  );
  return (
    fields === -1 ||
    guarded('a propagator threw in fields()', () => propagation.fields().length, -1) === fields
  );
});
