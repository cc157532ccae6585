import { guarded } from '@throughline/core/seam';
import { isObject } from './is-object.ts';

/** What called the function, in the conventions' words. */
export type Trigger = 'http' | 'pubsub' | 'datasource' | 'timer' | 'other';

/** By the source that the records of an event name. */
const TRIGGERS: Readonly<Record<string, Trigger>> = {
  'aws:sqs': 'pubsub',
  'aws:sns': 'pubsub',
  'aws:kinesis': 'pubsub',
  'aws:kafka': 'pubsub',
  SelfManagedKafka: 'pubsub',
  'aws:mq': 'pubsub',
  'aws:rmq': 'pubsub',
  'aws:dynamodb': 'datasource',
  'aws:s3': 'datasource',
  'aws:docdb': 'datasource',
};

/**
 * Returns what an event that is no request by HTTP was sent by.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/faas/faas-spans/#function-trigger-type
 */
export function triggerOf(event: unknown): Trigger {
  return guarded('an event could not be read', () => read(event), 'other');
}

function read(event: unknown): Trigger {
  if (!isObject(event)) return 'other';
  if (event['detail-type'] === 'Scheduled Event') return 'timer';
  if (typeof event['detail-type'] === 'string') return 'pubsub';
  const source = event.eventSource ?? sourceOfRecords(event.Records);
  return typeof source === 'string' && Object.hasOwn(TRIGGERS, source)
    ? (TRIGGERS[source] ?? 'other')
    : 'other';
}

/** Returns the source of the first record: one event has records of one source. SNS writes the name with a capital. */
export function sourceOfRecords(records: unknown): unknown {
  const [first] = Array.isArray(records) ? records : [];
  return isObject(first) ? (first.eventSource ?? first.EventSource) : undefined;
}
