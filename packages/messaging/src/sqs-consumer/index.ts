import { ROOT_CONTEXT } from '@opentelemetry/api';
import { Scope, withMembers } from '@throughline/core/seam';
import { withFieldNames, withSystemNames } from '../sqs/asked-names.ts';
import { countedMessage, queueOf, receivedMessage, type SqsMessage, sqsTracer } from '../sqs/sqs-tracer.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import type { Method } from '../wrapping/method.ts';

export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';

/** The options of a consumer of `sqs-consumer`, as used here. */
export interface SqsConsumerOptions {
  readonly queueUrl: string;
  readonly handleMessage?: Method | undefined;
  readonly handleMessageBatch?: Method | undefined;
  readonly messageAttributeNames?: readonly string[] | undefined;
  readonly messageSystemAttributeNames?: readonly string[] | undefined;
  readonly attributeNames?: readonly string[] | undefined;
}

/**
 * Returns options for a consumer whose handlers are traced, and which asks for the attributes that hold the context.
 *
 * `handleMessage` runs in the span that processes its message; `handleMessageBatch` in one that links to all of its
 * messages, each of which `traceHandler` of `@throughline/messaging/sqs` can process inside it. Not traced: the
 * consumer's polling and deleting. Do not give it a traced client as `sqs`, or each message is counted twice.
 *
 * @throws TypeError when an option of tracing has the wrong type. After set-up, only a handler throws.
 * @see https://bbc.github.io/sqs-consumer/
 * @example
 * const consumer = Consumer.create(traceConsumerOptions({ queueUrl, sqs, handleMessage }));
 * consumer.start();
 */
export function traceConsumerOptions<Options extends SqsConsumerOptions>(
  original: Options,
  options: MessagingOptions = {},
): Options {
  const tracer = sqsTracer(options, new Scope('messaging', 'traceConsumerOptions()'));
  const { queueUrl, handleMessage, handleMessageBatch } = original;
  const system = original.attributeNames?.length ? 'attributeNames' : 'messageSystemAttributeNames';
  const push = { ambient: ROOT_CONTEXT };

  function processOne(this: unknown, message: SqsMessage, ...rest: never[]) {
    const handle = () => Reflect.apply(handleMessage as Method, this, [message, ...rest]);
    return tracer.process(receivedMessage(message, queueUrl), handle, push);
  }
  function processAll(this: unknown, messages: readonly SqsMessage[], ...rest: never[]) {
    const handle = () => Reflect.apply(handleMessageBatch as Method, this, [messages, ...rest]);
    const counted = messages.map((message) => countedMessage(message, queueUrl));
    return tracer.processBatch({ ...queueOf(queueUrl), messages: counted }, handle, push);
  }

  return withMembers(original, {
    messageAttributeNames: withFieldNames(original.messageAttributeNames, options),
    [system]: withSystemNames(original[system]),
    ...(handleMessage && { handleMessage: processOne }),
    ...(handleMessageBatch && { handleMessageBatch: processAll }),
  });
}
