import { registeredApi, reportOnce } from '@throughline/core/seam';
import type { MessagingOptions } from './messaging-options.ts';

/** Names that anyone makes who sends. */
const MAX_NAMES = 100;
/** Names that an administrator makes, or a deployment. */
const MAX_ADMINISTERED_NAMES = 1_000;

/** The names that were admitted, by system, for each SDK: its series and its names are what is bounded. */
const admitted = new WeakMap<object, Map<string, Set<string>>>();
const WITHOUT_SDK = {};

/**
 * Returns what decides whether a name of a system gets into span names and metrics: the first that occur do, the others
 * are left out. They are still an attribute of their spans.
 */
export function createNameLimit(
  system: string,
  administered: boolean,
  { meterProvider, tracerProvider }: MessagingOptions,
): (name: string) => boolean {
  const limit = administered ? MAX_ADMINISTERED_NAMES : MAX_NAMES;
  return (name) => {
    const registered = registeredApi();
    const sdk = tracerProvider ?? registered.trace ?? meterProvider ?? registered.metrics ?? WITHOUT_SDK;
    const systems = admitted.get(sdk) ?? new Map<string, Set<string>>();
    const names = systems.get(system) ?? new Set();
    if (names.size === 0) admitted.set(sdk, systems.set(system, names));
    if (names.has(name)) return true;
    if (names.size >= limit) {
      reportOnce(
        `more than ${limit} destinations of ${system}: the others are left out of span names and metrics; ` +
          'options.destinationTemplate can shorten them',
      );
      return false;
    }
    names.add(name);
    return true;
  };
}
