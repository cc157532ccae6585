import { type Attributes, type MeterProvider, metrics } from '@opentelemetry/api';
import type { Owner } from '../option-check.ts';
import { perRegistration, registeredApi } from '../registered-api.ts';
import { guarded } from '../report.ts';
import * as semconv from '../semantic-conventions.ts';
import { VERSION } from '../version.ts';

/** The instruments of a messaging client; every method is free of exceptions. */
export interface MessagingInstruments {
  /** Seconds that a send, receive or settle took. */
  recordOperation(seconds: number, attributes: Attributes): void;
  /** Seconds that a handler took. */
  recordProcess(seconds: number, attributes: Attributes): void;
  countSent(messages: number, attributes: Attributes): void;
  countConsumed(messages: number, attributes: Attributes): void;
}

/**
 * Looks the instruments up: `undefined` while there is no provider, so that nothing is computed for nobody.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/
 */
export function messagingInstruments(
  owner: Owner,
  given: MeterProvider | undefined,
): () => MessagingInstruments | undefined {
  const create = (provider: Pick<MeterProvider, 'getMeter'>): MessagingInstruments => {
    const meter = provider.getMeter(`@throughline/${owner.package}`, VERSION, {
      schemaUrl: semconv.SCHEMA_URL,
    });
    const seconds = (description: string) => ({
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: semconv.DURATION_BUCKETS },
    });
    const messages = (description: string) => ({ description, unit: '{message}' });
    const operation = meter.createHistogram(
      semconv.METRIC_MESSAGING_CLIENT_OPERATION_DURATION,
      seconds('Duration of messaging operation initiated by a producer or consumer client.'),
    );
    const process = meter.createHistogram(
      semconv.METRIC_MESSAGING_PROCESS_DURATION,
      seconds('Duration of processing operation.'),
    );
    const sent = meter.createCounter(
      semconv.METRIC_MESSAGING_CLIENT_SENT_MESSAGES,
      messages('Number of messages producer attempted to send to the broker.'),
    );
    const consumed = meter.createCounter(
      semconv.METRIC_MESSAGING_CLIENT_CONSUMED_MESSAGES,
      messages('Number of messages that were delivered to the application.'),
    );
    const measure = (record: () => void) => guarded('a meter threw', record, undefined);
    return {
      recordOperation: (value, attributes) => measure(() => operation.record(value, attributes)),
      recordProcess: (value, attributes) => measure(() => process.record(value, attributes)),
      countSent: (count, attributes) => measure(() => sent.add(count, attributes)),
      countConsumed: (count, attributes) => measure(() => consumed.add(count, attributes)),
    };
  };
  const tryCreate = (provider: Pick<MeterProvider, 'getMeter'>) =>
    guarded('a meter provider threw; nothing is measured', () => create(provider), undefined);
  if (given !== undefined) {
    const instruments = tryCreate(given);
    return () => instruments;
  }
  return perRegistration('metrics', () =>
    registeredApi().metrics === undefined ? undefined : tryCreate(metrics),
  );
}
