import { Scope, withMembers } from '@throughline/core/seam';
import type { SqsRecord } from '../aws/lambda-records.ts';
import { type AwsClient, answerAttributes, wrapAwsClient } from '../aws/wrap-aws-client.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { tracedHandler } from '../wrapping/traced-handler.ts';
import { withFieldNames, withSystemNames } from './asked-names.ts';
import { type SqsMetadata, withinSize } from './sqs-codec.ts';
import {
  arrivals,
  countedMessage,
  queueOf,
  receivedMessage,
  type SqsMessage,
  settledMessage,
  sqsTracer,
} from './sqs-tracer.ts';

export type { SqsRecord } from '../aws/lambda-records.ts';
export type { AwsClient } from '../aws/wrap-aws-client.ts';
export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';
export { recordBatches } from './record-batches.ts';
export type { SqsMessage } from './sqs-tracer.ts';

interface QueueInput {
  readonly QueueUrl?: string | undefined;
}

interface BatchInput extends QueueInput {
  readonly Entries?: readonly SqsMetadata[] | undefined;
}

/** The names of attributes that a receive asks for. */
interface AskedNames {
  readonly MessageAttributeNames?: readonly string[] | undefined;
  readonly MessageSystemAttributeNames?: readonly string[] | undefined;
  /** The former name of `MessageSystemAttributeNames`. */
  readonly AttributeNames?: readonly string[] | undefined;
}

/**
 * Returns a client that traces the messages it sends, receives and deletes; use it instead of the original.
 *
 * Works on `SQSClient` and `SQS` of the AWS SDK v3, with promises or callbacks. A message gets at most 10 attributes,
 * as SQS allows. If the application's own leave no room, the baggage is left out first, then the tracestate, and the
 * trace goes into the system attribute `AWSTraceHeader`. A receive asks for the attributes that hold the context.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the client itself throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/sqs/
 * @example
 * const client = traceClient(new SQSClient({}));
 * await client.send(new SendMessageCommand({ QueueUrl, MessageBody: '{}' }));
 */
export function traceClient<C extends AwsClient>(original: C, options: MessagingOptions = {}): C {
  const tracer = sqsTracer(options, new Scope('messaging', 'traceClient()'));

  const settle = (operationName: string) => (input: QueueInput, call: (input: object) => unknown) =>
    tracer.settle(
      { ...queueOf(input.QueueUrl), ...settledMessage(input), operationName },
      () => call(input),
      answerAttributes,
    );
  const settleBatch = (operationName: string) => (input: BatchInput, call: (input: object) => unknown) => {
    const messages = Array.isArray(input.Entries) ? input.Entries.map(settledMessage) : [];
    return tracer.settle(
      { ...queueOf(input.QueueUrl), operationName, messages },
      () => call(input),
      answerAttributes,
    );
  };

  return wrapAwsClient(original, {
    SendMessage: (input: QueueInput & SqsMetadata, call) =>
      tracer.send(
        { ...queueOf(input.QueueUrl), carrier: input },
        (carrier) => {
          const [message] = withinSize([input], [carrier]);
          return call(message ?? input);
        },
        answerAttributes,
      ),
    SendMessageBatch(input: BatchInput, call) {
      const entries = input.Entries;
      if (!Array.isArray(entries)) return call(input);
      const messages = entries.map((carrier: SqsMetadata) => ({ carrier }));
      return tracer.sendBatch(
        { ...queueOf(input.QueueUrl), messages },
        (carriers) => call(withMembers(input, { Entries: withinSize(entries, carriers) })),
        answerAttributes,
      );
    },
    ReceiveMessage(input: QueueInput & AskedNames, call) {
      const receive = async () => {
        const output = (await call(askingFor(input, options))) as { readonly Messages?: SqsMessage[] };
        for (const message of output.Messages ?? []) arrivals.note(message, input.QueueUrl ?? '');
        return output;
      };
      return tracer.receive(
        queueOf(input.QueueUrl),
        receive,
        ({ Messages = [] }) => Messages.map((message) => countedMessage(message, input.QueueUrl)),
        answerAttributes,
      );
    },
    DeleteMessage: settle('delete'),
    DeleteMessageBatch: settleBatch('delete'),
    ChangeMessageVisibility: settle('change_visibility'),
    ChangeMessageVisibilityBatch: settleBatch('change_visibility'),
  });
}

/**
 * Returns a traced handler. Each call runs in the span that processes its message. Use it for messages from a traced
 * receive, and for the records of the event with which SQS calls a Lambda function.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the handler itself throws.
 * @example
 * const handle = traceHandler(async (message) => save(message.Body));
 * const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
 * for (const message of Messages) await handle(message);
 */
export function traceHandler<M extends SqsMessage | SqsRecord, Rest extends unknown[], R>(
  handler: (message: M, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (message: M, ...rest: Rest) => R {
  const tracer = sqsTracer(options, new Scope('messaging', 'traceHandler()'));
  return tracedHandler(handler, (message, call) =>
    tracer.process(receivedMessage(message), () => call(message), { received: arrivals.isCounted(message) }),
  );
}

/** Returns the input of a receive that also asks for the attributes that hold the context. */
function askingFor<Input extends AskedNames>(input: Input, options: MessagingOptions): Input {
  const system = input.AttributeNames?.length ? 'AttributeNames' : 'MessageSystemAttributeNames';
  return withMembers(input, {
    MessageAttributeNames: withFieldNames(input.MessageAttributeNames, options),
    [system]: withSystemNames(input[system]),
  });
}
