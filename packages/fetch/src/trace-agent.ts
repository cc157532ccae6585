import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import { trace } from '@opentelemetry/api';
import { activeContext } from '@throughline/core';
import { guarded, isTracingSuppressed, Scope } from '@throughline/core/seam';
import type { HttpClientOptions } from '@throughline/http-semantics';
import { createRequestTracer, type TracedRequest } from './redirects-by-client/request-tracer.ts';

/** What `http.request` passes to its agent; `http.Agent` and its replacements have it. */
interface AgentLike {
  addRequest(request: ClientRequest, options: RequestOptions, ...rest: unknown[]): unknown;
}

interface RequestOptions {
  /** Absent: `localhost`. */
  readonly host?: string | null;
  /** Absent: the protocol's default. */
  readonly port?: number | string | null;
}

/**
 * Returns an agent that sends as `agent` does, records one CLIENT span for each request that goes through it, and
 * injects the active context into the request's headers.
 *
 * For everything that calls by `node:http` and accepts an agent: proxies, SDKs, got, axios. The agent that you pass is
 * not changed. A request that a client makes because it was redirected carries no more than one of `fetch` would. A
 * request whose `headers` are an array has its span, but no header: Node has composed the head by then.
 *
 * @throws TypeError when `agent` is none or an option has the wrong type. Never throws when requests are made.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span
 * @example
 * app.use('/api', createProxyMiddleware({ target, agent: traceAgent(new Agent({ keepAlive: true })) }));
 */
export function traceAgent<Given extends Agent>(agent: Given, options: HttpClientOptions = {}): Given {
  const scope = new Scope('fetch', 'traceAgent()');
  // The cast: Node's types lack addRequest.
  const inner = agent as unknown as AgentLike;
  if (typeof inner?.addRequest !== 'function')
    throw scope.error(`agent must be an http.Agent, got ${agent === null ? 'null' : typeof agent}`);
  const startTraced = createRequestTracer(options, scope);

  function start(request: ClientRequest, target: RequestOptions): TracedRequest | undefined {
    const parent = activeContext();
    if (isTracingSuppressed(parent) || namesActiveSpan(request)) return undefined;
    const url = urlOf(request, target);
    const header = (name: string) => headerText(request.getHeader(name));
    const traced = startTraced({ method: request.method, url, header }, parent);
    // Before the injection, so that the span ends even if that fails.
    observe(request, traced);
    if (!request.headersSent) {
      const before = request.getHeaders();
      const headers = { ...before };
      traced.inject(headers);
      for (const [name, value] of Object.entries(headers))
        if (value !== undefined && value !== before[name]) request.setHeader(name, value);
    }
    return traced;
  }

  function addRequest(request: ClientRequest, target: RequestOptions, ...rest: unknown[]): unknown {
    const traced = guarded('a request could not be traced', () => start(request, target));
    try {
      return inner.addRequest(request, target, ...rest);
    } catch (error) {
      traced?.endWithError(error);
      throw error;
    }
  }

  return new Proxy(agent, {
    get: (target, key) => (key === 'addRequest' ? addRequest : Reflect.get(target, key)),
    set: (target, key, value) => Reflect.set(target, key, value),
  });
}

/** Returns whether another instrumentation made a span for this very request and wrote it into the headers. */
function namesActiveSpan(request: ClientRequest): boolean {
  const spanId = trace.getSpanContext(activeContext())?.spanId;
  return spanId !== undefined && headerText(request.getHeader('traceparent'))?.includes(spanId) === true;
}

/** Returns where the request goes. The `Host` header does not say that, because a proxy keeps it. */
function urlOf({ protocol, path }: ClientRequest, { host, port }: RequestOptions): URL {
  const name = host?.includes(':') ? `[${host}]` : (host ?? 'localhost');
  return new URL(path, `${protocol}//${name}${port ? `:${port}` : ''}`);
}

function headerText(value: number | string | readonly string[] | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

/**
 * Ends the span with what the request emits, observed by replacing its `emit`: a listener would change what Node does
 * with a response that is not read, an upgrade that is not accepted and an error that is not handled.
 */
function observe(request: ClientRequest, traced: TracedRequest): void {
  const { emit } = request;
  request.emit = (event: string | symbol, ...args: unknown[]) => {
    const [argument] = args;
    if (event === 'response' || event === 'upgrade' || event === 'connect') {
      const { statusCode = 0, headers, httpVersion, socket } = argument as IncomingMessage;
      traced.endWithHead(statusCode, (name) => headerText(headers[name]), {
        protocolVersion: httpVersion,
        peerAddress: socket?.remoteAddress,
        peerPort: socket?.remotePort,
      });
    } else if (event === 'error') traced.endWithError(argument);
    else if (event === 'close') traced.endWithout();
    return Reflect.apply(emit, request, [event, ...args]);
  };
}
