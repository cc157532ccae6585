import type { Attributes, MeterProvider } from '@opentelemetry/api';
import type { Scope } from '@throughline/core/seam';
import { guarded, semconv } from '@throughline/core/seam';

/** The instruments of a messaging client. No method throws. */
export interface MessagingInstruments {
  /** Seconds that a send, receive or settle took. */
  recordOperation(seconds: number, attributes: Attributes): void;
  /** Seconds that a handler took. */
  recordProcess(seconds: number, attributes: Attributes): void;
  countSent(messages: number, attributes: Attributes): void;
  countConsumed(messages: number, attributes: Attributes): void;
}

/** @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/ */
export function messagingInstruments(
  scope: Scope,
  given: MeterProvider | undefined,
): () => MessagingInstruments | undefined {
  return scope.instruments(given, (meter) => {
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
    const measure = (record: () => void) => guarded('a meter threw', record);
    return {
      recordOperation: (value, attributes) => measure(() => operation.record(value, attributes)),
      recordProcess: (value, attributes) => measure(() => process.record(value, attributes)),
      countSent: (count, attributes) => measure(() => sent.add(count, attributes)),
      countConsumed: (count, attributes) => measure(() => consumed.add(count, attributes)),
    };
  });
}
