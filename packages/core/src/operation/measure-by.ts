import type { Attributes, Histogram } from '@opentelemetry/api';
import { guarded } from '@throughline/guard';
import { ATTR_ERROR_TYPE } from '../setup/semantic-conventions.ts';
import type { Measure } from './operation.ts';

/** Returns a function that returns, for the attributes of an operation, what records its duration with its error. Never throws. */
export function measureBy(histogram: Histogram): (identity: Attributes) => Measure {
  return (identity) =>
    (seconds, { measured, errorType }) =>
      guarded('a meter threw', () =>
        histogram.record(seconds, {
          ...identity,
          ...measured,
          ...(errorType !== undefined && { [ATTR_ERROR_TYPE]: errorType }),
        }),
      );
}
