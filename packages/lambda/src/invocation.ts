/** One call of the function. */
export interface Invocation {
  /** Runs the handler in the context of the invocation, and returns or throws what it does. */
  run<T>(handle: () => T): T;
  /** Ends the span with what the handler answered. Never throws. */
  succeed(result: unknown): void;
  /** Ends the span with what the handler failed with. Never throws. */
  fail(error: unknown): void;
}
