import type { HttpClientOutcome } from '@throughline/http-semantics';
import type { Hops } from '../fetch-call/hops.ts';
import { headerReader } from '../undici/undici-headers.ts';

type Method = (...args: never[]) => unknown;

/** The handler that `fetch` makes for one request: undici has two sets of methods, one until version 7 and one since. */
export interface FetchHandler {
  onHeaders?: Method;
  onResponseStart?: Method;
}

/** Lets `hops` observe the head of each final response that the handler gets. */
export function observeHead(handler: FetchHandler, hops: Hops): void {
  const { onHeaders, onResponseStart } = handler;
  // The casts: what undici calls them with is known by their names.
  if (onResponseStart !== undefined)
    handler.onResponseStart = function (
      this: unknown,
      controller: unknown,
      status: unknown,
      headers: unknown,
      text: unknown,
    ) {
      if (isFinal(status)) hops.observe(new Head(status, headers));
      return onResponseStart.call(
        this,
        controller as never,
        status as never,
        headers as never,
        text as never,
      );
    };
  if (onHeaders !== undefined)
    handler.onHeaders = function (
      this: unknown,
      status: unknown,
      headers: unknown,
      resume: unknown,
      text: unknown,
    ) {
      if (isFinal(status)) hops.observe(new Head(status, headers));
      return onHeaders.call(this, status as never, headers as never, resume as never, text as never);
    };
}

/** Not an informational one, of which there can be several. */
function isFinal(status: unknown): status is number {
  return typeof status === 'number' && status >= 200;
}

class Head implements HttpClientOutcome {
  readonly statusCode: number;
  readonly #headers: unknown;

  constructor(statusCode: number, headers: unknown) {
    this.statusCode = statusCode;
    this.#headers = headers;
  }

  /** Made when it is read: most heads are only asked for their status. */
  get header(): (name: string) => string | undefined {
    return headerReader(this.#headers);
  }
}
