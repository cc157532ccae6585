import type { Context } from '@opentelemetry/api';
import { runInContext } from '@throughline/core';

/** How the body of a response ended. */
export interface BodyEnd {
  /** `dropped`: it broke, or was never read and became unreachable. */
  readonly how: 'complete' | 'cancelled' | 'dropped';
  /** What it broke with. */
  readonly error?: unknown;
}

interface Unread {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly onEnd: (end: BodyEnd) => void;
}

/** Some runtimes have no such registry. */
const unreachable =
  typeof FinalizationRegistry === 'undefined'
    ? undefined
    : new FinalizationRegistry<Unread>(({ reader, onEnd }) => {
        onEnd({ how: 'dropped' });
        // No one is left to hear that the body had broken already.
        reader.cancel().catch(() => {});
      });

/**
 * Returns the same response with a body whose callbacks run in `context` and whose end is reported. `onEnd` may be called more
 * than once, and must not refer to the returned response.
 *
 * A response that cannot be copied, because it switches the protocol or its body is being read already, is returned as it is
 * and counts as complete.
 */
export function followBody(response: Response, context: Context, onEnd: (end: BodyEnd) => void): Response {
  const { body } = response;
  if (body === null || body.locked) {
    onEnd({ how: 'complete' });
    return response;
  }
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  const followed = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await runInContext(context, () => reader.read());
          if (!done) return controller.enqueue(value);
          onEnd({ how: 'complete' });
          controller.close();
        } catch (error) {
          onEnd({ how: 'dropped', error });
          controller.error(error);
        }
      },
      cancel(reason) {
        onEnd({ how: 'cancelled' });
        return runInContext(context, () => reader.cancel(reason));
      },
    },
    { highWaterMark: 0 },
  );
  try {
    const copy = new Response(followed, response);
    unreachable?.register(followed, { reader, onEnd });
    return copy;
  } catch {
    reader.releaseLock();
    onEnd({ how: 'complete' });
    return response;
  }
}
