import { reportOnce, Scope, withMembers } from '@throughline/core/seam';
import {
  type AwsAttributes,
  addFields,
  attributeBytes,
  attributeTexts,
  crossesLimit,
  textBytes,
} from '../aws/attributes.ts';
import { serverAttributes, serverOf } from '../aws/server-of.ts';
import { type AwsClient, answerAttributes, wrapAwsClient } from '../aws/wrap-aws-client.ts';
import { type CarrierCodec, headersCodec } from '../verbs/carrier-codec.ts';
import type { MessagingTarget } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer } from '../verbs/messaging-tracer.ts';
import { timeOf } from '../verbs/time-of.ts';
import { tracedHandler } from '../wrapping/traced-handler.ts';

export type { AwsClient } from '../aws/wrap-aws-client.ts';
export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';

/** What SNS delivers to an HTTP endpoint as JSON, and to Lambda as `Sns` of a record, as used here. */
export interface SnsNotification {
  readonly TopicArn?: string | undefined;
  readonly MessageId?: string | undefined;
  /** ISO 8601. */
  readonly Timestamp?: string | undefined;
  readonly MessageAttributes?: AwsAttributes | undefined;
  /** In a record of the event with which SNS calls a Lambda function: the notification itself. */
  readonly Sns?: SnsNotification | undefined;
}

interface SnsMessage {
  readonly Message?: string | undefined;
  readonly MessageAttributes?: AwsAttributes | undefined;
}

interface PublishInput extends SnsMessage {
  readonly TopicArn?: string | undefined;
  readonly TargetArn?: string | undefined;
}

interface PublishBatchInput {
  readonly TopicArn?: string | undefined;
  readonly PublishBatchRequestEntries?: readonly SnsMessage[] | undefined;
}

/**
 * Returns a client that traces what it publishes; use it instead of the original.
 *
 * Works on `SNSClient` and `SNS` of the AWS SDK v3, with promises or callbacks. A message gets at most 10 attributes,
 * because SNS loses a message with more on its way to a queue with raw delivery. If the application's own leave no
 * room, the baggage is left out first, then the tracestate, then the trace. An SMS is sent as it is and makes no
 * span.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the client itself throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/sns/
 * @example
 * const client = traceClient(new SNSClient({}));
 * await client.send(new PublishCommand({ TopicArn, Message: '{}' }));
 */
export function traceClient<C extends AwsClient>(original: C, options: MessagingOptions = {}): C {
  const tracer = snsTracer(options, 'traceClient()');
  const server = serverOf(original);
  const topic = (arn: string | undefined) => ({ ...server(), ...topicOf(arn), operationName: 'publish' });
  // Again at the end: the first call is made before the endpoint is resolved.
  const answered = (answer: unknown) => ({ ...serverAttributes(server()), ...answerAttributes(answer) });
  return wrapAwsClient(original, {
    Publish(input: PublishInput, call) {
      const topicArn = input.TopicArn ?? input.TargetArn;
      if (topicArn === undefined) return call(input);
      return tracer.send(
        { ...topic(topicArn), carrier: input },
        (carrier) => call(withinSize([input], [carrier])[0] ?? input),
        answered,
      );
    },
    PublishBatch(input: PublishBatchInput, call) {
      const { TopicArn, PublishBatchRequestEntries: entries } = input;
      if (!Array.isArray(entries)) return call(input);
      const messages = entries.map((carrier: SnsMessage) => ({ carrier }));
      return tracer.sendBatch(
        { ...topic(TopicArn), messages },
        (carriers) => call(withMembers(input, { PublishBatchRequestEntries: withinSize(entries, carriers) })),
        answered,
      );
    },
  });
}

/**
 * Returns a traced handler. Each call runs in the span that processes its notification. Use it for HTTP endpoints and
 * Lambda functions.
 *
 * `@throughline/messaging/sqs` reads what SNS delivers to SQS.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the handler itself throws.
 * @example
 * const handle = traceHandler(async (notification: SnsNotification) => save(notification));
 * await handle(JSON.parse(body));
 */
export function traceHandler<N extends SnsNotification, Rest extends unknown[], R>(
  handler: (notification: N, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (notification: N, ...rest: Rest) => R {
  const tracer = snsTracer(options, 'traceHandler()');
  return tracedHandler(handler, (given, call) => {
    const notification = given?.Sns ?? given;
    const message = {
      ...topicOf(notification?.TopicArn),
      carrier: notification,
      messageId: notification?.MessageId,
      timestamp: timeOf(notification?.Timestamp),
    };
    return tracer.process(message, () => call(given));
  });
}

const snsTracer = (options: MessagingOptions, entry: string) =>
  createMessagingTracer(
    { system: 'aws.sns', codec, destinations: 'administered', errorAttributes: answerAttributes },
    options,
    new Scope('messaging', entry),
  );

const codec: CarrierCodec<SnsMessage> = {
  keys: (message) => Object.keys(message?.MessageAttributes ?? {}),
  get: (message, name) => headersCodec.get(attributeTexts(message?.MessageAttributes), name),
  write(message, fields, replaced) {
    const { attributes, leftOut } = addFields(message?.MessageAttributes, fields, replaced);
    if (leftOut.length > 0)
      reportOnce(`a message to SNS had no attribute left for ${leftOut.join(', ')}: 10 are allowed`);
    return withMembers(message, { MessageAttributes: attributes });
  },
};

function withinSize(
  bare: readonly SnsMessage[],
  traced: readonly (SnsMessage | undefined)[],
): readonly (SnsMessage | undefined)[] {
  if (!crossesLimit(bytesOf(bare), bytesOf(traced))) return traced;
  reportOnce('a message to SNS had no bytes left for attributes; its trace was not sent');
  return bare;
}

function bytesOf(messages: readonly (SnsMessage | undefined)[]): number {
  return messages.reduce(
    (sum, message) => sum + textBytes(message?.Message) + attributeBytes(message?.MessageAttributes),
    0,
  );
}

function topicOf(arn: string | undefined): MessagingTarget {
  if (typeof arn !== 'string') return {};
  return { destination: arn.split(':').at(-1), attributes: { 'aws.sns.topic.arn': arn } };
}
