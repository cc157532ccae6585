/**
 * Returns the line of the stack that called `callee`, such as `at file:///app/tracing.js:4:1`; `undefined` if the stack
 * does not show one.
 */
export function callerOf(callee: (...args: never[]) => unknown): string | undefined {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, callee);
  return /^ +(at .*)/m.exec(holder.stack ?? '')?.[1];
}
