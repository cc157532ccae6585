/** The longest body that is held for a redirect, in bytes: redirects that ask for it again are rare. */
const LONGEST = 65_536;

/**
 * A function that yields a request's body once more; `undefined` when it was longer than is held in memory.
 *
 * The request itself is left to be sent.
 */
export function heldBody(request: Request): () => Promise<Uint8Array<ArrayBuffer> | undefined> {
  const reader = (request.clone().body as ReadableStream<Uint8Array>).getReader();
  const read = async (): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    const chunks: Uint8Array[] = [];
    for (let length = 0; ; ) {
      const { done, value } = await reader.read();
      if (done) return Uint8Array.from(Buffer.concat(chunks));
      length += value.byteLength;
      if (length > LONGEST) {
        // Not waited for: it settles only when the request's own half is given up, too.
        reader.cancel().catch(() => {});
        return undefined;
      }
      chunks.push(value);
    }
  };
  // A body that breaks fails the request itself.
  const held = read().catch(() => undefined);
  return () => held;
}
