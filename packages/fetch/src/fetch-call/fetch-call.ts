import type { Context } from '@opentelemetry/api';
import type { FetchInput } from './fetch-arguments.ts';
import type { Hops } from './hops.ts';

/** One call of `fetch` on its way out. */
export interface FetchCall {
  readonly fetch: typeof globalThis.fetch;
  readonly input: FetchInput;
  readonly init: RequestInit | null | undefined;
  readonly hops: Hops;
  /** The context to send in. It silences other tracing of the fetch underneath. */
  readonly context: Context;
  /** The method in `init`. Absent until it was read, or if there is none. */
  method: unknown;
  /** The signal by which the caller can abort the call. Absent until it was read, or if there is none. */
  signal: AbortSignal | null | undefined;
}
