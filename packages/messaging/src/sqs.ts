import { guarded, propagatorOf } from '@throughline/core/adapter';
import {
  createMessagingTracer,
  type Message,
  type MessagingOptions,
  type MessagingTarget,
} from '@throughline/core/messaging';
import { type AwsClient, messageIdOf, wrapAwsClient } from './aws-client.ts';
import { type SqsMetadata, sqsCodec, withinSize } from './sqs-message.ts';

export type { MessagingOptions, Relation } from '@throughline/core/messaging';
export type { AwsClient } from './aws-client.ts';

/** A message that SQS delivered, as far as it matters here. */
export interface SqsMessage extends SqsMetadata {
  readonly MessageId?: string | undefined;
}

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
  /** What `MessageSystemAttributeNames` was called before. */
  readonly AttributeNames?: readonly string[] | undefined;
}

/** From which queue a message came: it does not say. */
const queues = new WeakMap<object, string>();

/** Messages that a traced operation has counted. */
const counted = new WeakSet<object>();

/**
 * The client, with the messages that it sends, receives and deletes traced; used in its place from then on.
 *
 * Works on `SQSClient` and `SQS` of the AWS SDK v3, with promises or callbacks. A message gets at most 10 attributes,
 * as SQS allows: where the application's own leave no room, the baggage stays out first, then the tracestate, and the
 * trace goes into the system attribute `AWSTraceHeader`. A receive asks for the attributes that hold the context.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what the client throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/sqs/
 * @example
 * const client = traceClient(new SQSClient({}));
 * await client.send(new SendMessageCommand({ QueueUrl, MessageBody: '{}' }));
 */
export function traceClient<C extends AwsClient>(original: C, options: MessagingOptions = {}): C {
  const tracer = sqsTracer(options, 'traceClient()');

  const settle = (operationName: string) => (input: QueueInput, call: (input: object) => unknown) =>
    tracer.settle({ ...queueOf(input.QueueUrl), operationName, carrier: undefined }, () => call(input));
  const settleBatch = (operationName: string) => (input: BatchInput, call: (input: object) => unknown) => {
    const messages = Array.isArray(input.Entries) ? input.Entries.map(() => ({ carrier: undefined })) : [];
    return tracer.settle({ ...queueOf(input.QueueUrl), operationName, messages }, () => call(input));
  };

  return wrapAwsClient(original, {
    SendMessage: (input: QueueInput & SqsMetadata, call) =>
      tracer.send(
        { ...queueOf(input.QueueUrl), carrier: input },
        (carrier) => {
          const [message] = withinSize([input], [carrier]);
          return call(message ?? input);
        },
        messageIdOf,
      ),
    SendMessageBatch(input: BatchInput, call) {
      const entries = input.Entries;
      if (!Array.isArray(entries)) return call(input);
      const messages = entries.map((carrier: SqsMetadata) => ({ carrier }));
      return tracer.sendBatch({ ...queueOf(input.QueueUrl), messages }, (carriers) =>
        call({ ...input, Entries: withinSize(entries, carriers) }),
      );
    },
    ReceiveMessage(input: QueueInput & AskedNames, call) {
      const receive = async () => {
        const output = (await call(askingFor(input, options))) as { readonly Messages?: SqsMessage[] };
        for (const message of output.Messages ?? []) queues.set(message, input.QueueUrl ?? '');
        return output;
      };
      return tracer.receive(queueOf(input.QueueUrl), receive, ({ Messages = [] }) =>
        Messages.map((message) => countedMessage(message, input.QueueUrl)),
      );
    },
    DeleteMessage: settle('delete'),
    DeleteMessageBatch: settleBatch('delete'),
    ChangeMessageVisibility: settle('change_visibility'),
    ChangeMessageVisibilityBatch: settleBatch('change_visibility'),
  });
}

/**
 * The handler, each call of it in the span that processes its message: for messages from a traced receive.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what the handler throws.
 * @example
 * const handle = traceHandler(async (message) => save(message.Body));
 * const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
 * for (const message of Messages) await handle(message);
 */
export function traceHandler<M extends SqsMessage, Rest extends unknown[], R>(
  handler: (message: M, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (message: M, ...rest: Rest) => R {
  const tracer = sqsTracer(options, 'traceHandler()');
  return function tracedHandler(message, ...rest) {
    return tracer.process(receivedMessage(message), () => handler(message, ...rest), {
      received: counted.has(message),
    });
  };
}

/** A tracer for messages in SQS, in the name of what the user called. */
export const sqsTracer = (options: MessagingOptions, entry: string) =>
  createMessagingTracer({ system: 'aws_sqs', codec: sqsCodec }, options, { package: 'messaging', entry });

/** What the conventions want to know of a message. */
export function receivedMessage(
  message: SqsMessage | undefined,
  queueUrl = message && queues.get(message),
): Message<SqsMetadata> {
  const sent = Number(message?.Attributes?.SentTimestamp);
  return {
    ...queueOf(queueUrl),
    carrier: message,
    messageId: message?.MessageId,
    timestamp: sent > 0 ? sent : undefined,
  };
}

/** {@link receivedMessage} of one that an operation on several counts; its handler will know. */
export function countedMessage(message: SqsMessage, queueUrl: string | undefined): Message<SqsMetadata> {
  if (queueUrl !== undefined) queues.set(message, queueUrl);
  counted.add(message);
  return receivedMessage(message, queueUrl);
}

/** The input of a receive, asking also for what holds the context. */
function askingFor<Input extends AskedNames>(input: Input, options: MessagingOptions): Input {
  const system = input.AttributeNames?.length ? 'AttributeNames' : 'MessageSystemAttributeNames';
  return {
    ...input,
    MessageAttributeNames: withFieldNames(input.MessageAttributeNames, options),
    [system]: withSystemNames(input[system]),
  };
}

/** Names of message attributes to ask for, with those that hold the context. */
export function withFieldNames(
  asked: readonly string[] | undefined,
  { propagator }: MessagingOptions,
): readonly string[] {
  const fields = guarded('a propagator threw in fields()', () => propagatorOf(propagator).fields(), []);
  return withNames(asked, fields);
}

/** Names of system attributes to ask for, with those that hold the context and the time of sending. */
export function withSystemNames(asked: readonly string[] | undefined): readonly string[] {
  return withNames(asked, ['AWSTraceHeader', 'SentTimestamp']);
}

function withNames(asked: readonly string[] = [], needed: readonly string[]): readonly string[] {
  return asked.includes('All') || asked.includes('.*') ? asked : [...new Set([...asked, ...needed])];
}

export function queueOf(queueUrl: string | undefined): MessagingTarget {
  const [, serverAddress, port, destination] =
    /^https?:\/\/([^/:]+)(?::(\d+))?(?:.*\/)(.+)$/.exec(queueUrl ?? '') ?? [];
  if (!queueUrl) return {};
  return {
    destination: destination ?? queueUrl,
    serverAddress,
    serverPort: port === undefined ? undefined : Number(port),
    attributes: { 'aws.sqs.queue.url': queueUrl },
  };
}
