import { headerReader } from './undici-headers.ts';

/** Receives how one dispatched request proceeds. */
export interface HandlerListener {
  /** Called with the head of the final response, not with those of informational ones. */
  onHead(statusCode: number, header: (name: string) => string | undefined): void;
  /** Called with what the request failed with. Absent: failures are not observed. */
  onError?(error: unknown): void;
  /**
   * Called when the request is about to be written and an interceptor nearer to the wire followed redirects for it.
   * Absent: this is not observed.
   */
  onRedirected?(): void;
}

/**
 * Returns the handler of an undici request with a listener on it.
 *
 * undici has two sets of handler methods, one until version 7 and one since. The listener observes both; the
 * handler's other members stay as they are. `call` calls its methods, passed as functions without arguments.
 */
export function observedHandler<Handler extends object>(
  handler: Handler,
  listener: HandlerListener,
  call: <Result>(method: () => Result) => Result = (method) => method(),
): Handler {
  const onHead = (status: unknown, headers: unknown) => {
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
      const observe =
        typeof name === 'string' && Object.hasOwn(listeners, name) ? listeners[name] : undefined;
      return (...args: unknown[]) => {
        observe?.(...args);
        return call(() => Reflect.apply(member, target, args));
      };
    },
  });
}
