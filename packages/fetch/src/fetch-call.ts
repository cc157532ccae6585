import type { Context } from '@opentelemetry/api';
import type { Hops } from './hops.ts';

export type FetchInput = string | URL | Request;

/** One call of `fetch` on its way out. */
export interface FetchCall {
  readonly fetch: typeof globalThis.fetch;
  readonly input: FetchInput;
  readonly init: RequestInit | null | undefined;
  readonly hops: Hops;
  /** To send in: whatever traces the fetch underneath is silent there. */
  readonly context: Context;
  /** The signal by which the caller can give the call up, once it was read. */
  signal?: AbortSignal | null | undefined;
}

/** The URL of a request that goes over HTTP; `undefined` for `data:`, `blob:` and what is no URL at all. */
export function httpUrl(input: unknown): URL | undefined {
  try {
    const text =
      input instanceof URL ? input.href : typeof input === 'string' ? input : (input as Request).url;
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
  } catch {
    // What it is, `fetch` says itself.
    return undefined;
  }
}

const NORMALIZED = /^(get|head|post|put|delete|options)$/i;

/** As `fetch` will send it: six methods are put into upper case, others are left as they are. */
export function sentMethod(method: unknown): string {
  if (typeof method !== 'string') return 'GET';
  return NORMALIZED.test(method) ? method.toUpperCase() : method;
}
