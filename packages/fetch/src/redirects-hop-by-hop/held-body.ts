/** The longest body that is held for a redirect, in bytes. It is small, because few redirects ask for the body again. */
const LONGEST = 65_536;

/**
 * Returns a function that returns the request's body, or `undefined` if it is too long to be held in memory.
 *
 * The request itself can still be sent.
 */
export function heldBody(request: Request): () => Promise<Uint8Array<ArrayBuffer> | undefined> {
  const reader = (request.clone().body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
  const read = async (): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for (let length = 0; ; ) {
      const { done, value } = await reader.read();
      if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer());
      length += value.byteLength;
      if (length > LONGEST) {
        // Not awaited: it settles only when the request's own half is cancelled, too.
        reader.cancel().catch(() => {});
        return undefined;
      }
      chunks.push(value);
    }
  };
  // A body that breaks makes the request itself fail.
  const held = read().catch(() => undefined);
  return () => held;
}
