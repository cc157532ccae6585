import type { TextMapPropagator } from '@opentelemetry/api';
import { B3Propagator } from './b3.ts';
import { CompositePropagator } from './composite.ts';
import { GrpcTraceBinPropagator } from './grpc-trace-bin.ts';
import { JaegerPropagator } from './jaeger.ts';
import { checkKnownOptions } from './known-options.ts';
import { W3CBaggagePropagator } from './w3c-baggage.ts';
import { type W3CTraceContextOptions, W3CTraceContextPropagator } from './w3c-trace-context.ts';
import { XRayPropagator } from './xray.ts';

const NONE = 'none';
const DEFAULT_NAMES = 'tracecontext,baggage';

type Factory = (options: W3CTraceContextOptions) => TextMapPropagator;

const factories = new Map<string, Factory>([
  ['tracecontext', (options) => new W3CTraceContextPropagator(options)],
  ['baggage', () => new W3CBaggagePropagator()],
  ['b3', () => new B3Propagator({ inject: 'single' })],
  ['b3multi', () => new B3Propagator({ inject: 'multi' })],
  ['jaeger', () => new JaegerPropagator()],
  ['xray', () => new XRayPropagator()],
  ['grpc-trace-bin', () => new GrpcTraceBinPropagator()],
]);

/** Names of propagators: one text with commas, or a list. */
export type PropagatorNames = string | readonly string[];

/**
 * Returns a propagator for the named formats, the most trusted first.
 *
 * The names are `tracecontext`, `baggage`, `b3`, `b3multi`, `jaeger`, `xray`, `grpc-trace-bin` and `none`. With `none`,
 * nothing is read or written, even if others are named. White space and repetitions are ignored.
 *
 * @param names `{ extract, inject }` gives each direction its own names. Default: `OTEL_PROPAGATORS` or, if that is
 * unset or empty, `tracecontext,baggage`.
 * @param options For `tracecontext`: `{ randomTraceIds: true }` sets the random flag on traces that start here.
 * Default: none.
 * @throws TypeError when a name or an option is unknown, so that a typing error does not silently end every trace.
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 * @example
 * propagation.setGlobalPropagator(createPropagator());
 * propagation.setGlobalPropagator(createPropagator({ extract: 'tracecontext,b3,baggage', inject: 'tracecontext,baggage' }));
 */
export function createPropagator(
  names?: PropagatorNames | { readonly extract: PropagatorNames; readonly inject: PropagatorNames },
  options: W3CTraceContextOptions = {},
): CompositePropagator {
  checkKnownOptions('createPropagator()', options, ['randomTraceIds']);
  const chosen = names ?? fromEnvironment() ?? DEFAULT_NAMES;
  if (typeof chosen === 'object' && chosen !== null && !Array.isArray(chosen)) {
    checkKnownOptions('createPropagator()', chosen, ['extract', 'inject']);
    const { extract, inject } = chosen as { extract: PropagatorNames; inject: PropagatorNames };
    return new CompositePropagator({
      extract: propagatorsNamed(extract, options),
      inject: propagatorsNamed(inject, options),
    });
  }
  const propagators = propagatorsNamed(chosen as PropagatorNames, options);
  return new CompositePropagator({ extract: propagators, inject: propagators });
}

function fromEnvironment(): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const value = process?.env?.OTEL_PROPAGATORS;
  return value === undefined || value.trim() === '' ? undefined : value;
}

function propagatorsNamed(names: PropagatorNames, options: W3CTraceContextOptions): TextMapPropagator[] {
  const list: unknown = typeof names === 'string' ? names.split(',') : names;
  if (!Array.isArray(list) || list.some((name) => typeof name !== 'string')) {
    throw new TypeError(
      `[throughline/propagators] createPropagator(): names must be a string or an array of strings, got ${list === null ? 'null' : Array.isArray(list) ? 'an array of something else' : typeof list}`,
    );
  }
  const unique = new Set((list as string[]).map((name) => name.trim()).filter(Boolean));
  const propagators: TextMapPropagator[] = [];
  for (const name of unique) {
    const create = factories.get(name);
    if (create !== undefined) propagators.push(create(options));
    else if (name !== NONE) {
      throw new TypeError(
        `[throughline/propagators] createPropagator(): unknown propagator "${name}"; known names are ${[...factories.keys(), NONE].join(', ')}`,
      );
    }
  }
  return unique.has(NONE) ? [] : propagators;
}
