import { activeContext } from '@throughline/core';
import { fieldsOf, guarded, propagatorOf } from '@throughline/core/seam';

/** The variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns a copy of the environment with the active context, for a child process: `TRACEPARENT`, `TRACESTATE` and
 * `BAGGAGE`, or what the registered propagator writes, in capitals.
 *
 * The environment itself is not changed. Variables from another context are replaced; without a context to hand on, they stay. Other
 * processes of the same user can read the environment of a child. Never throws.
 *
 * @param environment Default: `process.env`.
 * @see https://opentelemetry.io/docs/specs/otel/context/env-carriers/
 * @example
 * spawn('convert', [file], { env: environmentWithContext() });
 */
export function environmentWithContext(environment: Environment = process.env): Record<string, string> {
  const copy = { ...environment } as Record<string, string>;
  guarded('inject() failed; a process was started without context', () => {
    const propagator = propagatorOf(undefined);
    const fields = fieldsOf(activeContext(), propagator);
    if (fields === undefined) return;
    const replaced = new Set(propagator.fields().map(variableName));
    for (const name of Object.keys(copy)) if (replaced.has(variableName(name))) delete copy[name];
    for (const [name, value] of Object.entries(fields)) copy[variableName(name)] = value;
  });
  return copy;
}

/** Returns the name of the variable for a field: `x-b3-traceid` is in `X_B3_TRACEID`. */
export function variableName(field: string): string {
  return field.toUpperCase().replace(/[^A-Z0-9_]/g, '_');
}
