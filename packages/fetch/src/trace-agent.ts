import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import { trace } from '@opentelemetry/api';
import { activeContext } from '@throughline/core';
import { guarded, isTracingSuppressed, Scope } from '@throughline/core/seam';
import {
  checkHttpClientOptions,
  createHttpClientTracer,
  createOutboundInjection,
  type HttpClientCall,
  type HttpClientOptions,
} from '@throughline/http-semantics';
import { FollowedRedirects } from './followed-redirects.ts';
import { isAbort } from './is-abort.ts';

/** What `http.request` hands to its agent; `http.Agent` and all that take its place have it. */
interface AgentLike {
  addRequest(request: ClientRequest, options: RequestOptions, ...rest: unknown[]): unknown;
}

interface RequestOptions {
  readonly host?: string | null;
  readonly port?: number | string | null;
}

/**
 * Returns an agent that sends as `agent` does, and records one CLIENT span for each request that goes through it and hands
 * the active context on in its headers.
 *
 * For everything that calls by `node:http` and can be given an agent: proxies, SDKs, got, axios. The agent given is not
 * touched. What a client sends because it is redirected is told no more than `fetch` would. A request whose `headers` are an array has its span, and no header: Node has composed the head by then.
 *
 * @throws TypeError when `agent` is none or an option has the wrong type. Never throws when requests are made.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span
 * @example
 * app.use('/api', createProxyMiddleware({ target, agent: traceAgent(new Agent({ keepAlive: true })) }));
 */
export function traceAgent<Given extends Agent>(agent: Given, options: HttpClientOptions = {}): Given {
  const scope = new Scope('fetch', 'traceAgent()');
  const inner = agent as unknown as AgentLike;
  if (typeof inner?.addRequest !== 'function')
    throw scope.error(`agent must be an http.Agent, got ${agent === null ? 'null' : typeof agent}`);
  checkHttpClientOptions(options, scope);
  const startCall = createHttpClientTracer(options, scope);
  const inject = createOutboundInjection(options);
  const redirects = new FollowedRedirects();

  function start(request: ClientRequest, target: RequestOptions): HttpClientCall | undefined {
    const parent = activeContext();
    if (isTracingSuppressed(parent) || namesActiveSpan(request)) return undefined;
    const url = urlOf(request, target);
    const header = (name: string) => headerText(request.getHeader(name));
    const named = redirects.origin(parent, url) ?? url;
    const call = startCall({ method: request.method, url, header }, parent);
    // First, so that the call ends whatever becomes of the headers.
    observe(request, call, (location) => redirects.heard(parent, url, named, location));
    if (!request.headersSent) {
      const before = request.getHeaders();
      const headers = { ...before };
      inject(call.context, headers, url, { redirectedFrom: named, authorization: header('authorization') });
      for (const [name, value] of Object.entries(headers))
        if (value !== undefined && value !== before[name]) request.setHeader(name, value);
    }
    return call;
  }

  function addRequest(request: ClientRequest, target: RequestOptions, ...rest: unknown[]): unknown {
    const call = guarded('a request could not be traced', () => start(request, target));
    try {
      return inner.addRequest(request, target, ...rest);
    } catch (error) {
      call?.end({ error });
      throw error;
    }
  }

  return new Proxy(agent, {
    get: (target, key) => (key === 'addRequest' ? addRequest : Reflect.get(target, key)),
    set: (target, key, value) => Reflect.set(target, key, value),
  });
}

/** Another instrumentation has made a span for this very request and written it into the headers. */
function namesActiveSpan(request: ClientRequest): boolean {
  const spanId = trace.getSpanContext(activeContext())?.spanId;
  return spanId !== undefined && headerText(request.getHeader('traceparent'))?.includes(spanId) === true;
}

/** By where it goes, not by the `Host` header, which a proxy keeps. */
function urlOf({ protocol, path }: ClientRequest, { host, port }: RequestOptions): URL {
  const name = host?.includes(':') ? `[${host}]` : (host ?? 'localhost');
  return new URL(path, `${protocol}//${name}${port ? `:${port}` : ''}`);
}

function headerText(value: number | string | readonly string[] | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

/**
 * Ends the call with what the request emits, seen by its own `emit`: a listener would change what Node does with a
 * response that nobody reads, an upgrade that nobody takes and an error that nobody handles.
 */
function observe(
  request: ClientRequest,
  call: HttpClientCall,
  redirected: (location: string | undefined) => void,
): void {
  const { emit } = request;
  request.emit = (event: string | symbol, ...args: unknown[]) => {
    const [argument] = args;
    if (event === 'response' || event === 'upgrade' || event === 'connect') {
      const { statusCode = 0, headers } = argument as IncomingMessage;
      if (statusCode >= 300 && statusCode < 400) redirected(headers.location);
      call.end({ statusCode, header: (name) => headerText(headers[name]) });
    } else if (event === 'error') call.end({ error: argument, cancelled: isAbort(argument) });
    else if (event === 'close') call.end({});
    return Reflect.apply(emit, request, [event, ...args]);
  };
}
