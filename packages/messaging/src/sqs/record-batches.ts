import { type Attributes, ROOT_CONTEXT } from '@opentelemetry/api';
import { Scope } from '@throughline/core/seam';
import type { SqsRecord } from '../aws/lambda-records.ts';
import type { Processing } from '../verbs/consuming.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { arrivals, receivedMessage, sqsTracer } from './sqs-tracer.ts';

/**
 * Returns a function that starts the span of a function called with records of SQS. It links to every message. A handler of
 * `traceHandler` does not count the messages again.
 *
 * @internal For `@throughline/lambda`. Does not follow semantic versioning.
 * @param scope Names the package, in error messages and as instrumentation scope.
 * @throws TypeError when an option has the wrong type. The function that is returned never throws.
 * @example
 * const start = recordBatches();
 * const processing = start(event.Records, { 'faas.trigger': 'pubsub' });
 */
export function recordBatches(
  options: MessagingOptions = {},
  scope: Scope = new Scope('messaging', 'recordBatches()'),
): (records: readonly SqsRecord[], attributes: Attributes) => Processing {
  const tracer = sqsTracer(options, scope);
  return (records, attributes) => {
    const messages = records.map((record) => receivedMessage(record));
    for (const record of records) arrivals.count(record);
    const batch = { destination: messages[0]?.destination, attributes, messages };
    return tracer.startProcessBatch(batch, { ambient: ROOT_CONTEXT });
  };
}
