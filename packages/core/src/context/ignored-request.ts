import { type Context, createContextKey } from '@opentelemetry/api';

const IGNORED = createContextKey('Throughline ignored request');

/** Marks the context of a request that is not to be recorded. */
export function ignoreRequest(context: Context): Context {
  return context.setValue(IGNORED, true);
}

/** Whether outgoing calls made in `context` carry it on without spans of their own. */
export function isIgnoredRequest(context: Context): boolean {
  return context.getValue(IGNORED) === true;
}
