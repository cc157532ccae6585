import {
  context,
  metrics,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { HttpClientTraceOptions, HttpClientUnderTest } from '@throughline/testing';

/** Ways in which a client can be wrong; each is planted into the reference client below, one at a time. */
export const CLIENT_FAULTS = [
  'appends a second traceparent',
  "mutates the caller's headers",
  "drops the Request's own headers",
  'marks an abort by the caller as an error',
  'calls 4xx a success',
  'injects the context of the caller, not of the call',
  'does not inject when unsampled',
  'follows redirects with the first headers',
  'counts no resends',
  'describes the first hop only',
  'records credentials and signatures',
  'names the span by the path',
  'uses the raw method',
  'never ends the span of a failed call',
  'ends the span twice',
  'ends the span with the body',
  'reads the body itself',
  'makes one span per client',
  'injects into signed requests',
  'drops baggage',
  'replaces the baggage of the caller',
  'throws when a hook throws',
  'throws when the propagator throws',
  'forgets the context of ignored calls',
  'records no metric',
  'wraps errors',
  'sets attributes after the start',
  'traces calls that go over no network',
  'records what fetch refuses',
  'copies init by its own properties',
] as const;

export type ClientFault = (typeof CLIENT_FAULTS)[number];

const SECRETS =
  /([?&](?:sig|Signature|AWSAccessKeyId|X-Amz-(?:Signature|Credential|Security-Token)|X-Goog-Signature)=)[^&]*/g;
const KNOWN = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'QUERY',
]);
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const FIELDS = ['traceparent', 'tracestate', 'baggage'];
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** A hand-written tracing `fetch`: correct without a fault. */
export function connectReference(
  fault?: ClientFault,
): (options: HttpClientTraceOptions) => HttpClientUnderTest {
  return (options) => {
    validate(options);
    let shared: Span | undefined;
    const traced = async (input: string | URL | Request, given: RequestInit = {}): Promise<Response> => {
      const init = fault === 'copies init by its own properties' ? { ...given } : given;
      const text = input instanceof Request ? input.url : String(input);
      const url = URL.canParse(text) ? new URL(text) : undefined;
      if (fault === 'traces calls that go over no network' && url?.protocol === 'data:') {
        trace.getTracer('reference').startSpan('GET', { kind: SpanKind.CLIENT }).end();
      }
      if (fault === 'records what fetch refuses' && (!url || url.password)) {
        const attributes = { 'url.full': text };
        trace.getTracer('reference').startSpan('GET', { kind: SpanKind.CLIENT, attributes }).end();
        throw new Error(`refused ${text}`);
      }
      if (!url?.protocol.startsWith('http')) return fetch(input, init);
      const wanted = init.redirect ?? 'follow';
      const base =
        fault === "drops the Request's own headers"
          ? new Request(text, { method: (input as Request).method ?? 'GET', ...init })
          : new Request(input, init);
      const body = base.body ? await base.arrayBuffer() : undefined;
      let method = init.method ?? base.method;
      let sentBody = body;
      let target = url;
      const own = new Headers(base.headers);
      if (fault === "mutates the caller's headers" && init.headers && !(init.headers instanceof Headers)) {
        (init.headers as Record<string, string>).traceparent = 'mine';
      }
      const origin = url.origin;
      const follow = fault === 'follows redirects with the first headers';

      for (let hop = 0; ; hop += 1) {
        const request = { method, url: target };
        const ignored = attempt(false, () => options.ignore?.(request) ?? false);
        const known = KNOWN.has(method) || fault === 'uses the raw method';
        const verb = known ? method : 'HTTP';
        const parent = context.active();
        const attributes = {
          'http.request.method': known ? method : '_OTHER',
          ...(known ? {} : { 'http.request.method_original': method }),
          'url.full':
            fault === 'records credentials and signatures' ? target.href : shown(target, options.redactQuery),
          ...((hop === 0 || fault !== 'describes the first hop only') && {
            'server.address': target.hostname,
            'server.port': Number(target.port || 80),
          }),
          ...(hop > 0 && fault !== 'counts no resends' ? { 'http.request.resend_count': hop } : {}),
          ...captured('request', options.captureRequestHeaders, own),
          ...attempt({}, () => options.attributes?.(request) ?? {}),
        };
        const named = attempt<unknown>(undefined, () => options.spanName?.(request));
        const startedAt = performance.now();
        const start = (): Span =>
          (options.tracerProvider ?? trace.getTracerProvider())
            .getTracer('reference', '1.0.0', { schemaUrl: 'https://opentelemetry.io/schemas/1.45.0' })
            .startSpan(
              fault === 'names the span by the path'
                ? `${verb} ${target.pathname}`
                : typeof named === 'string'
                  ? named
                  : verb,
              {
                kind: SpanKind.CLIENT,
                ...(fault === 'sets attributes after the start' ? {} : { attributes }),
              },
              parent,
            );
        const span = ignored ? undefined : (shared ?? attempt(undefined, start));
        if (fault === 'makes one span per client') shared = span;
        if (fault === 'sets attributes after the start') span?.setAttributes(attributes);
        const hooked = (fn: () => unknown): void => {
          if (fault === 'throws when a hook throws') return void fn();
          attempt(undefined, () => {
            const result = fn();
            if (result instanceof Promise) result.catch(() => {});
          });
        };
        if (span) hooked(() => options.requestHook?.({ span, request }));

        const headers = new Headers(own);
        if (sentBody === undefined)
          for (const name of [...headers.keys()]) if (name.startsWith('content-')) headers.delete(name);
        const ctx =
          span && fault !== 'injects the context of the caller, not of the call'
            ? trace.setSpan(parent, span)
            : parent;
        const signed =
          /^AWS4-/.test(headers.get('authorization') ?? '') || target.searchParams.has('X-Amz-Signature');
        const silent =
          (signed && fault !== 'injects into signed requests') ||
          (target.origin !== origin && !follow) ||
          (fault === 'does not inject when unsampled' && trace.getSpanContext(ctx)?.traceFlags === 0) ||
          (ignored && fault === 'forgets the context of ignored calls');
        const inject = (): void => {
          const api = options.propagator ?? propagation;
          const fields = api.fields();
          const mine = fault === 'replaces the baggage of the caller' ? null : headers.get('baggage');
          if (fault !== 'appends a second traceparent') for (const name of fields) headers.delete(name);
          api.inject(fault === 'drops baggage' ? propagation.deleteBaggage(ctx) : ctx, headers, {
            set: (carrier, key, value) =>
              fault === 'appends a second traceparent' ? carrier.append(key, value) : carrier.set(key, value),
          });
          if (mine !== null) {
            const own = mine.split(',').map((member) => member.split('=')[0]);
            const added = (headers.get('baggage') ?? '').split(',');
            const others = added.filter((member) => member !== '' && !own.includes(member.split('=')[0]));
            headers.set('baggage', [mine, ...others].join(','));
          }
        };
        if (target.origin !== origin && !follow) for (const name of FIELDS) headers.delete(name);
        if (!silent) {
          if (fault === 'throws when the propagator throws') inject();
          else attempt(undefined, inject);
        }

        const end = (outcome: { response?: Response; error?: unknown }): void => {
          const { response, error } = outcome;
          const aborted = base.signal.aborted && (base.signal.reason as Error)?.name !== 'TimeoutError';
          let type: string | undefined;
          if (error && !(aborted && fault !== 'marks an abort by the caller as an error'))
            type = (error as Error).name;
          else if (response && response.status >= (fault === 'calls 4xx a success' ? 500 : 400))
            type = String(response.status);
          span?.setAttributes({
            ...(response ? { 'http.response.status_code': response.status } : {}),
            ...(type ? { 'error.type': type } : {}),
            ...(response ? captured('response', options.captureResponseHeaders, response.headers) : {}),
          });
          if (type) span?.setStatus({ code: SpanStatusCode.ERROR });
          if (span)
            hooked(() =>
              options.responseHook?.({ span, request, outcome: { statusCode: response?.status } }),
            );
          if (!(error && fault === 'never ends the span of a failed call')) {
            attempt(undefined, () => span?.end());
            if (fault === 'ends the span twice') span?.end();
          }
          if (ignored || fault === 'records no metric') return;
          attempt(undefined, () =>
            (options.meterProvider ?? metrics)
              .getMeter('reference')
              .createHistogram('http.client.request.duration', {
                unit: 's',
                advice: { explicitBucketBoundaries: BUCKETS },
              })
              .record((performance.now() - startedAt) / 1000, {
                'http.request.method': known ? method : '_OTHER',
                'server.address': target.hostname,
                'server.port': Number(target.port || 80),
                ...(response ? { 'http.response.status_code': response.status } : {}),
                ...(type ? { 'error.type': type } : {}),
              }),
          );
        };

        let response: Response;
        try {
          response = await fetch(target, {
            method,
            headers,
            ...(sentBody ? { body: sentBody } : {}),
            signal: base.signal,
            redirect: follow || wanted !== 'follow' ? wanted : 'manual',
          });
        } catch (error) {
          end({ error });
          throw fault === 'wraps errors' ? new Error('call failed', { cause: error }) : error;
        }
        const location = response.headers.get('location');
        const next =
          wanted === 'follow' && location !== null && REDIRECTS.has(response.status)
            ? new URL(location, target)
            : undefined;
        if (!next) {
          if (hop > 0) {
            Object.defineProperties(response, { url: { value: target.href }, redirected: { value: true } });
          }
          if (fault === 'reads the body itself') await response.text();
          if (fault === 'ends the span with the body' || (options.endOn === 'body' && response.body)) {
            return observed(response, (error) => end({ response, error }));
          }
          end({ response });
          return response;
        }
        end({ response });
        await response.body?.cancel();
        if (hop >= 20) throw new TypeError('fetch failed');
        if (
          response.status === 303 ||
          ((response.status === 301 || response.status === 302) && method === 'POST')
        ) {
          method = method === 'HEAD' ? 'HEAD' : 'GET';
          sentBody = undefined;
        }
        if (next.origin !== target.origin) for (const name of ['authorization', 'cookie']) own.delete(name);
        target = next;
      }
    };
    const called = traced as typeof fetch;
    return { request: (url, request) => called(url, request), fetch: called };
  };
}

function validate(options: HttpClientTraceOptions): void {
  const given = options as Record<string, unknown>;
  for (const name of ['ignore', 'spanName', 'attributes', 'requestHook', 'responseHook']) {
    if (name in given && typeof given[name] !== 'function') throw new TypeError(`options.${name} is wrong`);
  }
  for (const name of ['captureRequestHeaders', 'captureResponseHeaders', 'redactQuery']) {
    if (name in given && !Array.isArray(given[name])) throw new TypeError(`options.${name} is wrong`);
  }
  for (const [name, member] of [
    ['propagator', 'inject'],
    ['tracerProvider', 'getTracer'],
  ] as const) {
    const part = given[name] as Record<string, unknown> | undefined;
    if (name in given && typeof part?.[member] !== 'function')
      throw new TypeError(`options.${name} is wrong`);
  }
}

function attempt<T>(otherwise: T, fn: () => T): T {
  try {
    return fn();
  } catch {
    return otherwise;
  }
}

function shown(url: URL, keys: readonly string[] | undefined): string {
  const copy = new URL(url);
  copy.username = copy.username && 'REDACTED';
  copy.password = copy.password && 'REDACTED';
  const pattern = keys ? new RegExp(`([?&](?:${keys.join('|')})=)[^&]*`, 'g') : SECRETS;
  return copy.href.replace(pattern, '$1REDACTED');
}

function captured(
  side: 'request' | 'response',
  names: readonly string[] | undefined,
  headers: Headers,
): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const name of names ?? []) {
    const value = headers.get(name);
    if (value !== null) found[`http.${side}.header.${name.toLowerCase()}`] = [value];
  }
  return found;
}

/** A response whose end is told, whether it is read, breaks off or is given up. */
function observed(response: Response, over: (error?: unknown) => void): Response {
  const reader = response.body?.getReader();
  const body = new ReadableStream({
    async pull(controller) {
      try {
        const piece = await reader?.read();
        if (piece?.done === false) return controller.enqueue(piece.value);
        over();
        controller.close();
      } catch (error) {
        over(error);
        controller.error(error);
      }
    },
  });
  return new Response(body, { status: response.status, headers: response.headers });
}
