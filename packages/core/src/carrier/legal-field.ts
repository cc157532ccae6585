import { reportOnce } from '../setup/guard.ts';
import { Scope } from '../setup/scope.ts';
import {
  ATTR_THROUGHLINE_PROPAGATION_DIRECTION,
  ATTR_THROUGHLINE_PROPAGATION_OUTCOME,
  METRIC_THROUGHLINE_PROPAGATION,
} from '../setup/semantic-conventions.ts';
import { isTraceparent, repairedTraceparent } from './traceparent.ts';

/** A header's name. */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
/** Horizontal tab, space, visible ASCII and obs-text, as RFC 9110 allows in a field value. */
const LEGAL_VALUE = /^[\t\x20-\x7e\x80-\xff]+$/;

/**
 * Returns a propagation field in a form that may be sent: `value` itself, a repaired one, or `undefined` when the field
 * is left out.
 *
 * Any package may supply the propagator, and a line break in a header makes the whole call fail. A traceparent in a wrong
 * form is repaired, because the trace would break otherwise. Both are counted by the metric `throughline.propagation` and
 * reported once.
 *
 * @param name In lower case.
 * @param strict Whether a traceparent that cannot be repaired is left out as well. Default: `false`.
 */
export function legalField(name: string, value: unknown, strict = false): string | undefined {
  if (typeof value !== 'string' || !LEGAL_VALUE.test(value) || !NAME.test(name)) return refused();
  if (name !== 'traceparent' || isTraceparent(value)) return value;
  const repaired = repairedTraceparent(value);
  if (repaired === undefined) return strict ? refused() : value;
  count('repaired');
  reportOnce('a propagator wrote a traceparent in a wrong form; it was repaired');
  return repaired;
}

function refused(): undefined {
  count('refused');
  reportOnce('a propagator wrote a field that is not legal in a header; it was left out');
}

const counter = new Scope('core', 'injectContext()').instruments(undefined, (meter) =>
  meter.createCounter(METRIC_THROUGHLINE_PROPAGATION, {
    description: 'Contexts by how they arrived.',
    unit: '{context}',
  }),
);

function count(outcome: 'repaired' | 'refused'): void {
  counter()?.add(1, {
    [ATTR_THROUGHLINE_PROPAGATION_DIRECTION]: 'inject',
    [ATTR_THROUGHLINE_PROPAGATION_OUTCOME]: outcome,
  });
}
