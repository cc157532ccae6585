import { reportOnce } from '@throughline/guard';
import { isTraceparent, repairedTraceparent } from './traceparent.ts';

/** A header's name. */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
/** Horizontal tab, space, visible ASCII and obs-text, as RFC 9110 allows in a field value. */
const LEGAL_VALUE = /^[\t\x20-\x7e\x80-\xff]+$/;

/** What became of a field that was not legal. */
export type FieldFault = 'repaired' | 'refused';

/**
 * Returns a propagation field in a form that may be sent: `value` itself, a repaired one, or `undefined` when the field
 * is left out.
 *
 * Any package may supply the propagator, and a line break in a header makes the whole call fail. A traceparent in a wrong
 * form is repaired, because the trace would break otherwise. Both are reported once.
 *
 * @param name In lower case.
 * @param strict Whether a traceparent that cannot be repaired is left out as well. Default: `false`.
 * @param onFault Called for each field that was repaired or left out.
 */
export function legalField(
  name: string,
  value: unknown,
  strict = false,
  onFault?: (fault: FieldFault) => void,
): string | undefined {
  if (typeof value !== 'string' || !LEGAL_VALUE.test(value) || !NAME.test(name)) return refused(onFault);
  if (name !== 'traceparent' || isTraceparent(value)) return value;
  const repaired = repairedTraceparent(value);
  if (repaired === undefined) return strict ? refused(onFault) : value;
  onFault?.('repaired');
  reportOnce('a propagator wrote a traceparent in a wrong form; it was repaired');
  return repaired;
}

function refused(onFault: ((fault: FieldFault) => void) | undefined): undefined {
  onFault?.('refused');
  reportOnce('a propagator wrote a field that is not legal in a header; it was left out');
}
