import type { Attributes } from '@opentelemetry/api';
import { viewWithMembers } from '@throughline/core/seam';
import type { Method } from '../wrapping/method.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';

/** A client of the AWS SDK for JavaScript v3, as used here. */
export interface AwsClient {
  readonly send: Method;
}

/** A command of any copy of the SDK. */
interface AwsCommand {
  readonly input: object;
  /** Since 2025: a tuple with the operation's name in the third place. */
  readonly schema?: unknown;
}

interface Sender {
  send(command: AwsCommand, ...rest: unknown[]): unknown;
}

/** Runs around an operation. `call` sends the command with the given input. */
export type AwsOperation = (input: never, call: (input: object) => unknown) => unknown;

/**
 * Returns a client that traces some operations: as commands for `send`, and as methods where the client has them.
 *
 * @param operations By the service's own names: `SendMessage`.
 */
export function wrapAwsClient<C extends AwsClient>(
  original: C,
  operations: { readonly [name: string]: AwsOperation },
): C {
  // The cast: each copy of the SDK has types of its own.
  const client = original as unknown as Sender;

  function send(command: AwsCommand, ...rest: unknown[]): unknown {
    const name = operationOf(command);
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
    if (operation === undefined) return client.send(command, ...rest);
    const traced = (call: (traced: AwsCommand) => unknown) =>
      operation(command.input as never, (input) => call(withInput(command, input)));
    const callback = rest.find((value) => typeof value === 'function');
    if (callback === undefined) return traced((it) => client.send(it, ...rest));
    const options = rest.filter((value) => typeof value !== 'function');
    const sent = traced((it) => promised((done) => client.send(it, ...options, done)));
    (sent as Promise<unknown>)
      .then(
        (output) => callback(null, output),
        (error: unknown) => callback(error),
      )
      // As the SDK does with errors of callbacks.
      .catch(() => {});
  }

  const methods: Record<string, Method> = { send };
  for (const name of Object.keys(operations)) {
    const method = `${name[0]?.toLowerCase()}${name.slice(1)}`;
    const own = (original as Record<string, unknown>)[method];
    // These make a command and send it by `this.send`.
    if (typeof own === 'function') methods[method] = (...args) => Reflect.apply(own, { send }, args);
  }
  return wrapClient(original, methods);
}

/** Returns what only the answer or an error of the service knows: the id of the request, and of a message that was sent. */
export function answerAttributes(answer: unknown): Attributes {
  const { MessageId, $metadata } = (answer ?? {}) as {
    readonly MessageId?: string;
    readonly $metadata?: { readonly requestId?: string };
  };
  return {
    ...($metadata?.requestId !== undefined && { 'aws.request_id': $metadata.requestId }),
    ...(MessageId !== undefined && { 'messaging.message.id': MessageId }),
  };
}

/** Older versions have only the name of the class, which a minifier changes. */
function operationOf(command: AwsCommand): string {
  const { schema } = command;
  if (Array.isArray(schema) && typeof schema[2] === 'string') return schema[2];
  return command.constructor.name.replace(/Command$/, '');
}

/** Returns a command of the same class and with the same middleware, and another input. */
function withInput(command: AwsCommand, input: object): AwsCommand {
  if (input === command.input) return command;
  return viewWithMembers(command, { input });
}

function promised(start: (done: (error: unknown, output: unknown) => void) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    start((error, output) => (error ? reject(error) : resolve(output)));
  });
}
