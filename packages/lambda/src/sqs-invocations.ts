import type { Attributes } from '@opentelemetry/api';
import { runInContext } from '@throughline/core';
import { guarded, type Scope } from '@throughline/core/seam';
import { recordBatches, type SqsRecord } from '@throughline/messaging/sqs';
import type { Invocation } from './invocation.ts';
import { isObject } from './is-object.ts';
import type { LambdaOptions } from './lambda-options.ts';
import { sourceOfRecords } from './trigger.ts';

/** Returns the records of an event that SQS sent, or else `undefined`. */
export function sqsRecordsIn(event: unknown): readonly SqsRecord[] | undefined {
  const records = isObject(event) ? event.Records : undefined;
  return sourceOfRecords(records) === 'aws:sqs' ? (records as SqsRecord[]).filter(isObject) : undefined;
}

/** Returns a function that starts the invocation with a batch of messages. */
export function sqsInvocations(
  { tracerProvider, meterProvider, propagator }: LambdaOptions,
  scope: Scope,
): (records: readonly SqsRecord[], attributes: Attributes) => Invocation {
  const start = recordBatches({ tracerProvider, meterProvider, propagator }, scope);
  return (records, attributes) => {
    const processing = start(records, attributes);
    return {
      run: (handle) => runInContext(processing.context, handle),
      succeed: (result) =>
        processing.end(guarded('a result could not be read', () => failuresIn(result, records.length))),
      // Without a reason it has failed as well.
      fail: (error) => processing.end(error ?? String(error)),
    };
  };
}

/** Returns the error for a result that gives messages back to the queue. */
function failuresIn(result: unknown, messages: number): Error | undefined {
  const failures = isObject(result) ? result.batchItemFailures : undefined;
  if (!Array.isArray(failures) || failures.length === 0) return undefined;
  const error = new Error(`${failures.length} of ${messages} messages failed`);
  error.name = 'BatchItemFailures';
  return error;
}
