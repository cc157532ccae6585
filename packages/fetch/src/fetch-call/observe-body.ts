interface Unread {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly onEnd: () => void;
}

/** Cancels bodies that have become unreachable, which frees their connections, as `fetch` does with its own. */
const unreachable = new FinalizationRegistry<Unread>(({ reader, onEnd }) => {
  onEnd();
  // No one is left to hear that the body had broken already.
  reader.cancel().catch(() => {});
});

/**
 * Returns the same response with a body whose end is reported: `onEnd` is called at its last byte or when the reader
 * cancels it, and with the error when it breaks. It may be called more than once. A body that is not read ends when its
 * connection breaks or when it is garbage-collected, so `onEnd` must not refer to the returned response.
 *
 * Without a body, `onEnd` is called at once.
 */
export function observeBody(response: Response, onEnd: (error?: unknown) => void): Response {
  const { body } = response;
  if (body === null) {
    onEnd();
    return response;
  }
  const reader = body.getReader();
  const observed = new ReadableStream(
    {
      type: 'bytes',
      async pull(controller: ReadableByteStreamController) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          onEnd();
          controller.close();
          // A pending read into the reader's own buffer must be answered after closing.
          controller.byobRequest?.respond(0);
        } catch (error) {
          onEnd(error);
          controller.error(error);
        }
      },
      cancel(reason) {
        onEnd();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  // If the body is never read, only this reports that it broke.
  reader.closed.then(
    () => onEnd(),
    (error: unknown) => onEnd(error),
  );
  unreachable.register(observed, { reader, onEnd });
  const { status, statusText, headers } = response;
  return asReceived(new Response(observed, { status, statusText, headers }), response);
}

/** Copies what a constructed response lacks and callers expect of one that came over the wire. */
function asReceived(copy: Response, { url, redirected, type }: Response): Response {
  return Object.defineProperties(copy, {
    url: { value: url },
    redirected: { value: redirected },
    type: { value: type },
    clone: { value: () => asReceived(Response.prototype.clone.call(copy), copy) },
  });
}
