import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tracedFetch } from '@throughline/fetch';
import type { ConformanceSdk, HttpServerConformanceOptions } from '@throughline/testing';
import { pathIn, serveExpress } from './adapters/express.ts';
import { serveFastify } from './adapters/fastify.ts';
import { pathInKoa, serveKoa } from './adapters/koa.ts';
import { overHttp, overHttp2, overHttp2Tls, overHttps, serveNode } from './adapters/node.ts';
import { honoApplication, overNodeServer, plainHandler } from './adapters/web.ts';
import { overBun, overDeno } from './adapters/web-elsewhere.ts';
import { PATIENCE } from './patience.ts';

type Adapter = Omit<HttpServerConformanceOptions, 'sdk'>;

const require = createRequire(import.meta.url);
const pem = (name: string): string => readFileSync(new URL(`./tls/${name}.pem`, import.meta.url), 'utf8');

const NODE_CAPABILITIES: HttpServerConformanceOptions['capabilities'] = {
  routes: { reason: 'node:http has no router' },
  errors: { reason: 'node:http has no error handling' },
};

const node: Omit<Adapter, 'name' | 'serve'> = { fetch: tracedFetch, capabilities: NODE_CAPABILITIES };
const http2: Omit<Adapter, 'name' | 'serve'> = {
  ...node,
  httpVersion: '2',
  capabilities: {
    ...NODE_CAPABILITIES,
    cutBody: { reason: 'node:http2 shows a body that was reset as ended, and the answer to it as sent' },
    serverTimeout: { reason: 'HTTP/2 times sessions out, not responses' },
  },
};

const fetchOnNode = {
  fetch: tracedFetch,
  capabilities: {
    streamContext: { reason: '@hono/node-server reads a body stream outside of the context of its handler' },
    asterisk: { reason: '@hono/node-server answers 400, because a Request has a URL' },
  },
} satisfies Omit<Adapter, 'name' | 'serve'>;

const NO_ROUTER = { routes: { reason: 'a plain handler has no router' } };

const PLAIN_ELSEWHERE = {
  ...NO_ROUTER,
  errors: { reason: 'the runtime answers what a plain handler throws, and does not show how' },
};

const elsewhere = {
  fetch: tracedFetch,
  versionSeen: false,
  capabilities: {
    nodeServer: { reason: "there is no request, response or server of Node's" },
    outerSpan: { reason: "there is no server of Node's" },
    serverTimeout: { reason: "there is no server of Node's" },
    asterisk: { reason: 'a Request has a URL' },
    thrownValues: { reason: 'Hono leaves them to the runtime, which does not show how it answers' },
  },
} satisfies Omit<Adapter, 'name' | 'serve'>;

const onBun = {
  ...elsewhere,
  capabilities: {
    ...elsewhere.capabilities,
    pipelining: { reason: 'Bun answers none of several requests that wait on one connection' },
  },
} satisfies Omit<Adapter, 'name' | 'serve'>;

const onDeno = {
  ...elsewhere,
  capabilities: {
    ...elsewhere.capabilities,
    cutBody: { reason: 'Deno shows that a body is cut before it shows that the client has left' },
  },
} satisfies Omit<Adapter, 'name' | 'serve'>;

/** Every server adapter on every framework version that is installed here; each module is loaded when asked for. */
export const SERVER_ADAPTERS = {
  'express 5': (): Adapter => express(require('express'), 5),
  'express 4': (): Adapter => express(require('express4'), 4),
  'fastify 5': (): Adapter => fastify(require('fastify').fastify, 5),
  'fastify 4': (): Adapter => fastify(require('fastify4').fastify, 4),
  'koa 3': (): Adapter => koa(require('koa'), 3),
  'koa 2': (): Adapter => koa(require('koa2'), 2),
  'node:http': (): Adapter => ({ ...node, name: 'node:http', serve: serveNode(overHttp) }),
  'node:https': (): Adapter => ({
    ...node,
    name: 'node:https',
    scheme: 'https',
    serve: serveNode(overHttps(pem('key'), pem('certificate'))),
  }),
  'node:http2': (): Adapter => ({ ...http2, name: 'node:http2 (cleartext)', serve: serveNode(overHttp2) }),
  'node:http2 tls': (): Adapter => ({
    ...http2,
    name: 'node:http2 (TLS)',
    scheme: 'https',
    serve: serveNode(overHttp2Tls(pem('key'), pem('certificate'))),
  }),
  'fetch handler on Node': (): Adapter => ({
    ...fetchOnNode,
    name: 'traceFetchHandler on Node',
    serve: overNodeServer(plainHandler),
    capabilities: { ...fetchOnNode.capabilities, ...NO_ROUTER },
  }),
  'hono on Node': (): Adapter => ({
    ...fetchOnNode,
    name: 'hono on Node',
    serve: overNodeServer(honoApplication),
  }),
  'fetch handler on Bun': (): Adapter => ({
    ...onBun,
    name: 'traceFetchHandler on Bun',
    serve: overBun(plainHandler),
    capabilities: { ...onBun.capabilities, ...PLAIN_ELSEWHERE },
  }),
  'hono on Bun': (): Adapter => ({ ...onBun, name: 'hono on Bun', serve: overBun(honoApplication) }),
  'fetch handler on Deno': (): Adapter => ({
    ...onDeno,
    name: 'traceFetchHandler on Deno',
    serve: overDeno(plainHandler),
    capabilities: { ...onDeno.capabilities, ...PLAIN_ELSEWHERE },
  }),
  'hono on Deno': (): Adapter => ({ ...onDeno, name: 'hono on Deno', serve: overDeno(honoApplication) }),
} satisfies Record<string, () => Adapter>;

/** The conformance options of one adapter, bound to an SDK. */
export function serverAdapter(
  name: keyof typeof SERVER_ADAPTERS,
  sdk: ConformanceSdk,
): HttpServerConformanceOptions {
  return { ...SERVER_ADAPTERS[name](), sdk, deadline: PATIENCE };
}

function express(framework: Parameters<typeof serveExpress>[0], major: 4 | 5): Adapter {
  return {
    name: `express ${major}`,
    serve: serveExpress(framework, major),
    fetch: tracedFetch,
    routeOf: (endpoint) => endpoint.mounts.join('') + pathIn(endpoint, major),
  };
}

function fastify(framework: Parameters<typeof serveFastify>[0], major: 4 | 5): Adapter {
  return {
    name: `fastify ${major}`,
    serve: serveFastify(framework, major),
    fetch: tracedFetch,
  };
}

function koa(framework: Parameters<typeof serveKoa>[0], major: 2 | 3): Adapter {
  return {
    name: `koa ${major}`,
    serve: serveKoa(framework),
    fetch: tracedFetch,
    routeOf: (endpoint) => endpoint.mounts.join('') + pathInKoa(endpoint),
    capabilities: {
      streamContext: { reason: 'Koa reads a body stream after its middleware, outside of their context' },
      ...(major === 2 && {
        streamErrors: { reason: 'Koa 2 leaves the response open when its body stream fails' },
      }),
    },
  };
}
