import { type Meter, type MeterProvider, metrics } from '@opentelemetry/api';
import type { Owner } from './option-check.ts';
import { perRegistration, registeredApi } from './registered-api.ts';
import { guarded } from './report.ts';
import { SCHEMA_URL } from './semantic-conventions.ts';
import { VERSION } from './version.ts';

/**
 * Looks instruments up, made by `create` once per meter provider: `undefined` while there is none, so that nothing is
 * computed for nobody.
 *
 * @param given Instead of the registered provider.
 */
export function instrumentsFor<I>(
  owner: Owner,
  given: MeterProvider | undefined,
  create: (meter: Meter) => I,
): () => I | undefined {
  const from = (provider: Pick<MeterProvider, 'getMeter'>) =>
    guarded(
      'a meter provider threw; nothing is measured',
      () => create(provider.getMeter(`@throughline/${owner.package}`, VERSION, { schemaUrl: SCHEMA_URL })),
      undefined,
    );
  if (given !== undefined) {
    const instruments = from(given);
    return () => instruments;
  }
  return perRegistration('metrics', () =>
    registeredApi().metrics === undefined ? undefined : from(metrics),
  );
}
