import { ROOT_CONTEXT } from '@opentelemetry/api';
import { extraAttributes, guarded, Operation, Scope } from '@throughline/core/seam';
import { directInvocations } from './direct-invocations.ts';
import { flush } from './flush.ts';
import { httpEventIn } from './http/http-event.ts';
import { httpInvocations } from './http/http-invocations.ts';
import type { Invocation } from './invocation.ts';
import { invocationAttributes } from './invocation-attributes.ts';
import type { LambdaContext } from './lambda-context.ts';
import type { LambdaOptions } from './lambda-options.ts';
import { sqsInvocations, sqsRecordsIn } from './sqs-invocations.ts';
import { type Trigger, triggerOf } from './trigger.ts';

type Callback = (error?: unknown, result?: unknown) => void;
type AnyHandler = (event: unknown, context: LambdaContext | undefined, callback?: Callback) => unknown;

/** A handler that declares this many parameters may answer by its callback. */
const WITH_CALLBACK = 3;

/**
 * Returns a handler that runs each invocation inside one SERVER span, in the trace of its caller, and exports what was
 * recorded before the answer is returned.
 *
 * A request by API Gateway, a load balancer or a Function URL makes the span of an HTTP server, with the route of the API.
 * A batch of messages from SQS makes a CONSUMER span that links to each of them.
 * For any other event, the span has the name of the function, and the caller's trace is read from the client context.
 *
 * The handler gets its arguments as they came. Its result is returned, and its error thrown, as it is. A handler that declares
 * three parameters may answer by its callback, on runtimes that still pass one.
 *
 * @throws TypeError when `handler` is no function or an option has the wrong type. After set-up, only the handler throws.
 * @see https://opentelemetry.io/docs/specs/semconv/faas/aws-lambda/
 * @example
 * export const handler = tracedHandler(async (event: { name: string }) => `hello ${event.name}`);
 */
export function tracedHandler<Handler extends (...args: never[]) => unknown>(
  handler: Handler,
  options: LambdaOptions = {},
): Handler {
  const scope = new Scope('lambda', 'tracedHandler()');
  const begin = invocations(options, scope);
  if (typeof handler !== 'function') throw scope.error(`handler must be a function, got ${typeof handler}`);
  // The cast: the arguments are passed on as they came.
  const handle = handler as unknown as AnyHandler;

  async function answer(
    invocation: Invocation,
    context: LambdaContext | undefined,
    answered: () => unknown,
  ): Promise<unknown> {
    try {
      const result = await answered();
      invocation.succeed(result);
      return result;
    } catch (error) {
      invocation.fail(error);
      throw error;
    } finally {
      await flush(options, context);
    }
  }

  const withPromise: AnyHandler = (event, context) => {
    const invocation = begin(event, context);
    return answer(invocation, context, () => invocation.run(() => handle(event, context)));
  };

  // The runtime looks at the number of parameters.
  const withCallback = (event: unknown, context: LambdaContext | undefined, callback: Callback): unknown => {
    const invocation = begin(event, context);
    const reply: Callback = (error, result) => {
      const failed = error !== undefined && error !== null;
      if (failed) invocation.fail(error);
      else invocation.succeed(result);
      void flush(options, context).then(() => callback(error, result));
    };
    const failed = (error: unknown) => answer(invocation, context, () => Promise.reject(error));
    let returned: unknown;
    try {
      returned = invocation.run(() => handle(event, context, reply));
    } catch (error) {
      return failed(error);
    }
    return isThenable(returned) ? answer(invocation, context, () => returned) : undefined;
  };

  return (handle.length >= WITH_CALLBACK ? withCallback : withPromise) as unknown as Handler;
}

/** Returns a function that starts the invocation of any event. Never throws: an invocation that cannot be traced runs untraced. */
function invocations(
  given: LambdaOptions,
  scope: Scope,
): (event: unknown, context: LambdaContext | undefined) => Invocation {
  const { attributes: extra, flushTimeout, ...options } = given;
  scope.check(
    { attributes: extra, flushTimeout },
    {
      attributes: 'function',
      flushTimeout: [(value) => typeof value === 'number' && value >= 0, 'a number of milliseconds'],
    },
  );
  const beginHttp = httpInvocations(options, scope);
  const beginSqs = sqsInvocations(options, scope);
  const beginDirect = directInvocations(options, scope);
  let cold = process.env.AWS_LAMBDA_INITIALIZATION_TYPE !== 'provisioned-concurrency';

  function begin(event: unknown, context: LambdaContext | undefined): Invocation {
    const coldStart = cold;
    cold = false;
    const attributes = (trigger: Trigger) => ({
      ...invocationAttributes(context, trigger, coldStart),
      ...extraAttributes(extra, { event, context }),
    });
    const request = httpEventIn(event);
    if (request !== undefined) return beginHttp(request, attributes('http'));
    const records = sqsRecordsIn(event);
    if (records !== undefined) return beginSqs(records, attributes('pubsub'));
    return beginDirect(context, () => attributes(triggerOf(event)));
  }

  return (event, context) =>
    guarded('an invocation could not be traced', () => begin(event, context)) ?? untraced();
}

function untraced(): Invocation {
  const operation = new Operation(ROOT_CONTEXT);
  return {
    run: (handle) => operation.run(handle),
    succeed: () => operation.end(),
    fail: () => operation.end(),
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}
