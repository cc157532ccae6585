import { type Context, createContextKey, type Span } from '@opentelemetry/api';
import { runInContext } from '@throughline/core';
import { errorType, follow, guarded, type Operation } from '@throughline/core/seam';
import { codeOf, errorsOf, thrownByResolver } from './answer-errors.ts';
import { ATTR_THROUGHLINE_GRAPHQL_ERRORS } from './graphql-conventions.ts';
import type { GraphqlOptions } from './graphql-options.ts';
import { countErrors } from './http-server-span.ts';
import type { GraphqlOperationRecord } from './operation-record.ts';

const OPERATION = createContextKey('Throughline GraphQL operation');

/** Returns the operation whose resolvers run in `context`, or `undefined`. */
export function operationIn(context: Context): GraphqlOperation | undefined {
  return context.getValue(OPERATION) as GraphqlOperation | undefined;
}

/** What an operation is started with. */
export interface OperationParts {
  readonly record: GraphqlOperationRecord;
  readonly options: GraphqlOptions;
  readonly operation: Operation;
  /** The span of the request that brought it. Absent: there is none. */
  readonly request: Span | undefined;
  /** Starts the operation of a resolver in the context of this one. */
  resolver(parent: Context, field: string): Operation;
}

/** One GraphQL operation, being executed. */
export class GraphqlOperation {
  /** The context that its resolvers run in. */
  readonly context: Context;
  readonly #parts: OperationParts;
  #resolverSpans: number;
  #errors = 0;
  #errorType: string | undefined;
  #thrown: unknown;

  constructor(parts: OperationParts) {
    this.#parts = parts;
    this.context = parts.operation.context.setValue(OPERATION, this);
    this.#resolverSpans = parts.operation.span === undefined ? 0 : (parts.options.resolverSpans ?? 0);
  }

  /** Runs `fn` with {@link GraphqlOperation.context} active, and returns or throws what `fn` does. */
  run<T>(fn: () => T): T {
    return runInContext(this.context, fn);
  }

  /** Runs a resolver, in a span of its own while the limit permits. Returns or throws what it does. */
  resolve<T>(field: string, fn: () => T): T {
    const note = (error: unknown) => {
      this.#thrown ??= error;
    };
    if (this.#resolverSpans <= 0) return follow(() => this.run(fn), nothing, note);
    this.#resolverSpans -= 1;
    return this.#parts.resolver(this.context, field).follow(fn, undefined, note);
  }

  /** Notes the errors of an answer, or of one event. `error.type` is that of the first, or `otherwise` if it has no code. */
  note(answer: unknown, otherwise?: string): void {
    guarded('an answer could not be read', () => {
      const errors = errorsOf(answer);
      const [first] = errors;
      if (first === undefined) return;
      this.#errors += errors.length;
      this.#thrown ??= thrownByResolver(first);
      this.#errorType ??= codeOf(first) ?? otherwise ?? errorType(this.#thrown ?? first);
      if (this.#parts.request !== undefined) countErrors(this.#parts.request, errors.length);
    });
  }

  /**
   * Ends the operation with its answer, and returns what is to be answered: the answer itself, or the events of a subscription
   * in an iterable that ends the operation when it is over.
   */
  answer<T>(answer: T): T {
    if (isAsyncIterable(answer)) return this.#iterate(answer) as T;
    this.note(answer);
    this.end();
    return answer;
  }

  /** Runs what executes the operation, and returns its answer as {@link GraphqlOperation.answer} does. */
  execute<T>(fn: () => T): T {
    let events: unknown;
    const executed = follow(
      () => this.run(fn),
      (answer) => {
        events = this.answer(answer);
      },
      (error) => this.fail(error),
    );
    if (executed instanceof Promise) return executed.then((answer) => events ?? answer) as T;
    return (events ?? executed) as T;
  }

  /** Ends the operation with an error. */
  fail(error: unknown): void {
    this.#errorType ??= codeOf(error) ?? errorType(error);
    this.#thrown ??= error;
    this.end();
  }

  /** Ends the operation. Only the first call counts. */
  end(): void {
    const { operation, options, record } = this.#parts;
    const { responseHook } = options;
    const errors = this.#errors;
    operation.end({
      errorType: this.#errorType,
      failure: this.#thrown === undefined ? undefined : { error: this.#thrown },
      complete: () => (errors === 0 ? {} : { [ATTR_THROUGHLINE_GRAPHQL_ERRORS]: errors }),
      hook:
        responseHook &&
        ((span) =>
          guarded('options.responseHook threw', () =>
            responseHook({ span, request: record, outcome: { errors } }),
          )),
    });
  }

  /** An async generator runs in the context of each call of `next`, and so does what executes its events. */
  #iterate<E>(events: AsyncIterable<E>): AsyncIterableIterator<E> {
    const iterator = this.run(() => events[Symbol.asyncIterator]());
    const step = (call: () => Promise<IteratorResult<E>>) =>
      follow(
        () => this.run(call),
        ({ done, value }) => {
          if (done === true) this.end();
          else this.note(value);
        },
        (error) => this.fail(error),
      );
    const over = (value?: unknown) => Promise.resolve({ done: true, value } as IteratorResult<E>);
    return {
      next: () => step(() => iterator.next()),
      return: (value) => step(() => iterator.return?.(value) ?? over(value)),
      throw: (error) => step(() => iterator.throw?.(error) ?? Promise.reject(error)),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

const nothing = () => {};

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
