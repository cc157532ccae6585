import { carrierGetter } from '@throughline/core';

/** Hears how one dispatched request goes. */
export interface HandlerListener {
  /** The head of the response that counts, not of an informational one. */
  onHead(statusCode: number, header: (name: string) => string | undefined): void;
  onError?(error: unknown): void;
  /** The request is about to be written, and redirects were followed for it nearer to the wire. */
  onRedirected?(): void;
}

/**
 * The handler of an undici request, with a listener that hears how it goes.
 *
 * undici has two sets of handler methods, one until version 7 and one since. Both are listened to, and whatever
 * else the handler has stays as it is. Its methods are called by `call`, with a function that takes no arguments.
 */
export function observedHandler<Handler extends object>(
  handler: Handler,
  listener: HandlerListener,
  call: <Result>(method: () => Result) => Result = (method) => method(),
): Handler {
  const onHead = (status: unknown, headers: unknown) => {
    // Informational responses precede the one that counts.
    if (typeof status !== 'number' || status < 200) return;
    listener.onHead(status, headerReader(headers));
  };
  const onUpgrade = (status: unknown) => listener.onHead(Number(status), () => undefined);
  const onError = (error: unknown) => listener.onError?.(error);
  const listeners: Record<string, (...args: unknown[]) => void> = {
    onRequestStart: (_controller, about) => {
      const { history } = (about ?? {}) as { history?: unknown };
      if (Array.isArray(history) && history.length > 0) listener.onRedirected?.();
    },
    onHeaders: onHead,
    onResponseStart: (_controller, status, headers) => onHead(status, headers),
    onError,
    onResponseError: (_controller, error) => onError(error),
    onUpgrade,
    onRequestUpgrade: (_controller, status) => onUpgrade(status),
  };
  return new Proxy(handler, {
    get(target, name) {
      const member = Reflect.get(target, name, target) as unknown;
      if (typeof member !== 'function') return member;
      const heard = typeof name === 'string' && Object.hasOwn(listeners, name) ? listeners[name] : undefined;
      return (...args: unknown[]) => {
        heard?.(...args);
        return call(() => Reflect.apply(member, target, args));
      };
    },
  });
}

/** Reads headers in any of undici's forms, by name; of several values the first. */
export function headerReader(headers: unknown): (name: string) => string | undefined {
  let pairs: [string, unknown][] | undefined;
  return (name) => {
    pairs ??= headerPairs(headers);
    return [carrierGetter.get(pairs, name)].flat()[0];
  };
}

/** A copy of the headers in any of undici's forms: a flat array, an object, or an iterable of pairs. */
export function headerPairs(headers: unknown): [name: string, value: unknown][] {
  if (headers === null || headers === undefined) return [];
  if (Array.isArray(headers) && !Array.isArray(headers[0]))
    return Array.from({ length: headers.length >> 1 }, (_, pair) => [
      String(headers[pair * 2]),
      headers[pair * 2 + 1],
    ]);
  if (Symbol.iterator in Object(headers)) return [...(headers as Iterable<[string, unknown]>)];
  return Object.entries(headers as object);
}
