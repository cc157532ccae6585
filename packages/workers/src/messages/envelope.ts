import { activeContext, extractContext, runInContext } from '@throughline/core';
import { fieldsOf, guarded, propagatorOf } from '@throughline/core/seam';

/** A value and the context in which it was sent. It is cloned or becomes JSON on its way. */
interface Envelope {
  readonly $trace: Record<string, string>;
  readonly data: unknown;
}

/** Returns a value in an envelope with the active context, or the value itself if there is none to send. */
export function enclose(data: unknown): unknown {
  const fields = guarded('a propagator threw in inject(); a message was sent without context', () =>
    fieldsOf(activeContext(), propagatorOf(undefined)),
  );
  // A value of the application's that looks like an envelope must arrive as it is.
  if (fields === undefined && !isEnvelope(data)) return data;
  return { $trace: fields ?? {}, data } satisfies Envelope;
}

/** Calls `fn` with what an envelope holds, in its context, and with any other value as without us. */
export function runOpened<T>(value: unknown, fn: (data: unknown) => T): T {
  if (!isEnvelope(value)) return fn(value);
  return runInContext(extractContext(value.$trace), () => fn(value.data));
}

export function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, '$trace')) return false;
  const { $trace: fields } = value as Partial<Envelope>;
  const isObject = typeof fields === 'object' && fields !== null && !Array.isArray(fields);
  return isObject && Object.hasOwn(value, 'data') && Object.keys(value).length === 2;
}
