interface Unread {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly onEnd: () => void;
}

/** Bodies that nobody can read any more: given up, which frees their connections as `fetch` does with its own. */
const forgotten = new FinalizationRegistry<Unread>(({ reader, onEnd }) => {
  onEnd();
  reader.cancel().catch(() => {});
});

/**
 * The same response with a body whose end is reported: `onEnd` is called at its last byte or when the reader
 * cancels it, and with the error when it breaks; it may be called again. A body that is not read ends when its
 * connection breaks, or when it is garbage: `onEnd` must not refer to what is returned.
 *
 * A response without a body is over at once.
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
          // A pending read with a buffer of the reader's own must be answered after closing.
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
  // Without a reader of its own, a body that breaks would not be heard of.
  reader.closed.then(
    () => onEnd(),
    (error: unknown) => onEnd(error),
  );
  forgotten.register(observed, { reader, onEnd });
  const { status, statusText, headers } = response;
  return asReceived(new Response(observed, { status, statusText, headers }), response);
}

/** A constructed response has none of these; readers expect those of the one that came over the wire. */
function asReceived(copy: Response, { url, redirected, type }: Response): Response {
  return Object.defineProperties(copy, {
    url: { value: url },
    redirected: { value: redirected },
    type: { value: type },
    clone: { value: () => asReceived(Response.prototype.clone.call(copy), copy) },
  });
}
