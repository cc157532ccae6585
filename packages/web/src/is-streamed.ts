/**
 * Returns whether the body of a response is a stream, and not complete already. Neither changes what is sent.
 *
 * The Fetch API hides the difference, and a look at `response.body` changes it: on Bun it costs a text its content type, on
 * Deno its length. So each runtime is asked in the way that leaves the response alone. Where there is none, every body counts
 * as a stream.
 */
export function isStreamed(response: Response): boolean {
  const { Bun, Deno } = globalThis as { Bun?: { inspect(value: unknown): string }; Deno?: object };
  if (Bun !== undefined) return isStreamOfBun(Bun.inspect(response));
  if (Deno !== undefined) return isStreamOfDeno(response);
  return response.body !== null;
}

/** Its inspector ends with the body: a `Blob` or a `FileRef` if it is known, a `ReadableStream`, or nothing for none. */
function isStreamOfBun(shown: string): boolean {
  return shown.includes('\n  ReadableStream {\n');
}

interface DenoBody {
  readonly source: unknown;
}

/** Its responses carry a record under a symbol of Deno's own. A body that is known has a source, or no body there yet. */
function isStreamOfDeno(response: Response): boolean {
  const key = Object.getOwnPropertySymbols(response).find(({ description }) => description === 'response');
  if (key === undefined) return false;
  const { body } = (response as unknown as Record<symbol, { body?: DenoBody | null }>)[key] ?? {};
  return body !== undefined && body !== null && body.source === null;
}
