import type { FieldFault } from '@throughline/carrier';
import { Scope } from '../setup/scope.ts';
import {
  ATTR_THROUGHLINE_PROPAGATION_DIRECTION,
  ATTR_THROUGHLINE_PROPAGATION_OUTCOME,
  METRIC_THROUGHLINE_PROPAGATION,
} from '../setup/semantic-conventions.ts';

const counter = new Scope('core', 'injectContext()').instruments(undefined, (meter) =>
  meter.createCounter(METRIC_THROUGHLINE_PROPAGATION, {
    description: 'Contexts by how they arrived.',
    unit: '{context}',
  }),
);

/** Counts a field that was repaired or left out by the metric `throughline.propagation`. */
export function countFieldFault(fault: FieldFault): void {
  counter()?.add(1, {
    [ATTR_THROUGHLINE_PROPAGATION_DIRECTION]: 'inject',
    [ATTR_THROUGHLINE_PROPAGATION_OUTCOME]: fault,
  });
}
