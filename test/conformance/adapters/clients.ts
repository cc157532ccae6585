import http from 'node:http';
import { createTracedFetch, createTraceHeaders, tracedFetch, traceInterceptor } from '@throughline/fetch';
import type { HttpClientOptions } from '@throughline/http-semantics';
import type {
  ClientRequest,
  HttpClientConformanceOptions,
  HttpClientTraceOptions,
  HttpClientUnderTest,
} from '@throughline/testing';
import axios from 'axios';
import got from 'got';
import ky from 'ky';
import * as undici from 'undici';

type Client = Omit<HttpClientConformanceOptions, 'sdk'>;
type Connect = HttpClientConformanceOptions['connect'];

function overFetch(fetch: typeof globalThis.fetch): HttpClientUnderTest {
  return { request: (url, request) => fetch(url, request), fetch };
}

const withGlobalFetch: Connect = (traceOptions) => {
  // The ready-made client where a case asks for no options of its own.
  const made = Object.keys(traceOptions).length === 0 ? tracedFetch : createTracedFetch(traceOptions);
  return overFetch(made as typeof globalThis.fetch);
};

const withUndiciFetch: Connect = (traceOptions) => {
  const dispatcher = new undici.Agent();
  const inner = ((input: never, init: object) =>
    undici.fetch(input, { ...init, dispatcher })) as unknown as typeof globalThis.fetch;
  const made = createTracedFetch({ ...traceOptions, fetch: inner });
  return {
    ...overFetch(made as typeof globalThis.fetch),
    classes: undici as never,
    close: () => dispatcher.close(),
  };
};

const withInterceptor: Connect = ({ endOn: _, ...traceOptions }) => {
  const dispatcher = new undici.Agent().compose(traceInterceptor(traceOptions));
  return {
    async request(url, request = {}) {
      const { statusCode, body } = await undici.request(url, { ...request, dispatcher } as never);
      return { status: statusCode, text: () => body.text() };
    },
    close: () => dispatcher.close(),
  };
};

/** A client that only takes the headers of {@link createTraceHeaders} along. */
function withHeaders(
  send: (
    url: string,
    headers: Record<string, string>,
    request: ClientRequest,
  ) => ReturnType<HttpClientUnderTest['request']>,
): Connect {
  return (traceOptions: HttpClientTraceOptions) => {
    const { propagator } = traceOptions;
    const traceHeaders = createTraceHeaders(
      propagator ? { propagator } : (traceOptions as HttpClientOptions),
    );
    return {
      request: (url, request = {}) => send(url, { ...request.headers, ...traceHeaders(url) }, request),
    };
  };
}

const withAxios = withHeaders(async (url, headers, { method = 'GET', body, signal }) => {
  const response = await axios.request({
    url,
    method,
    headers,
    ...(body !== undefined && { data: body }),
    ...(signal && { signal }),
    responseType: 'text',
    transformResponse: (data: string) => data,
    validateStatus: () => true,
    proxy: false,
  });
  return { status: response.status, text: async () => String(response.data ?? '') };
});

const withGot = withHeaders(async (url, headers, { method = 'GET', body, signal }) => {
  const response = await got(url, {
    method: method as 'GET',
    headers,
    ...(body !== undefined && { body }),
    ...(signal && { signal }),
    throwHttpErrors: false,
    retry: { limit: 0 },
  });
  return { status: response.statusCode, text: async () => response.body };
});

const withKy = withHeaders((url, headers, request) =>
  ky(url, { ...request, headers, throwHttpErrors: false, retry: 0 } as never),
);

const withNodeHttp = withHeaders(
  (url, headers, { method = 'GET', body, signal }) =>
    new Promise((resolve, reject) => {
      const request = http.request(url, { method, headers, agent: false, ...(signal && { signal }) });
      request.on('error', reject);
      request.on('response', (response) => {
        resolve({
          status: response.statusCode ?? 0,
          async text() {
            let text = '';
            for await (const chunk of response.setEncoding('utf8')) text += chunk;
            return text;
          },
        });
      });
      request.end(body);
    }),
);

const NO_FETCH = { reason: 'the client has an interface of its own' };
const HEADERS_ONLY = { reason: 'traceHeaders() makes headers, the client makes the call' };

const headersOnly: Client['capabilities'] = {
  spans: HEADERS_ONLY,
  fetch: NO_FETCH,
  redirects: HEADERS_ONLY,
  replace: { reason: "traceHeaders() does not see the caller's other headers" },
  signature: { reason: 'traceHeaders() does not see a signature in another header' },
  abort: HEADERS_ONLY,
  metrics: HEADERS_ONLY,
  hooks: HEADERS_ONLY,
  ignore: HEADERS_ONLY,
  validation: { reason: 'traceHeaders() has two options only, checked in its own tests' },
};

/** Every client, and every way of handing context to somebody else's. */
export const CLIENTS = {
  tracedFetch: { name: 'tracedFetch over the global fetch', connect: withGlobalFetch },
  undiciFetch: { name: 'createTracedFetch over the fetch of undici', connect: withUndiciFetch },
  interceptor: {
    name: 'traceInterceptor on an undici Agent',
    connect: withInterceptor,
    capabilities: {
      fetch: NO_FETCH,
      redirects: { reason: 'an undici Agent follows no redirects by itself' },
      endOnBody: { reason: 'the interceptor ends its span with the response head' },
    },
  },
  axios: { name: 'traceHeaders with axios', connect: withAxios, capabilities: headersOnly },
  got: { name: 'traceHeaders with got', connect: withGot, capabilities: headersOnly },
  ky: { name: 'traceHeaders with ky', connect: withKy, capabilities: headersOnly },
  nodeHttp: { name: 'traceHeaders with node:http', connect: withNodeHttp, capabilities: headersOnly },
} satisfies Record<string, Client>;
