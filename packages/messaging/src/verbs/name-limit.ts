import { registeredApi, reportOnce } from '@throughline/core/seam';
import type { MessagingOptions } from './messaging-options.ts';

/** Limit for names that any sender can create. */
const MAX_NAMES = 100;
/** Limit for names that only administrators or deployments create. */
const MAX_ADMINISTERED_NAMES = 1_000;

/** The admitted names by system, for each SDK, because an SDK's series and span names are what is limited. */
const admitted = new WeakMap<object, Map<string, Set<string>>>();
const WITHOUT_SDK = {};

/**
 * Returns a function that decides whether a name gets into span names and metrics. The first names that occur do;
 * later ones are left out there, and remain an attribute of their spans.
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
