import { Scope } from '@throughline/core/seam';
import { traceNodeExchange } from '@throughline/http';
import {
  createHttpServerTracer,
  type HttpServerExchange,
  type HttpServerOptions,
} from '@throughline/http-semantics';
import { selfCheck } from '@throughline/self-check';
import type { FastifyPluginAsync, onRequestHookHandler, RegisterOptions } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { decorateRequests } from './decorate-requests.ts';
import { reachesNoRoute } from './hook-reach.ts';
import { traceOutsideHooks } from './outside-hooks.ts';
import { REQUEST_DESCRIPTION } from './request-description.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The exchange that serves this request: `request.exchange?.span`. */
    readonly exchange: HttpServerExchange | undefined;
  }
}

// Asynchronous, because Fastify passes only a plugin's rejection on to those who await `register` or `ready`.
const plugin: FastifyPluginAsync<HttpServerOptions> = async function tracePlugin(fastify, options) {
  // Fastify's own options of `register` arrive among ours.
  const { prefix, logLevel, logSerializers, ...own } = options as HttpServerOptions & RegisterOptions;
  const tracer = createHttpServerTracer(own, new Scope('fastify', 'tracePlugin'), selfCheck);
  const traceContext: onRequestHookHandler = function traceContext(request, reply, next) {
    traceNodeExchange(tracer, request.raw, reply.raw, REQUEST_DESCRIPTION, request).run(next);
  };
  decorateRequests(fastify);
  fastify.addHook('onRequest', traceContext);
  fastify.addHook('onError', function traceErrors(request, _reply, error, next) {
    request.exchange?.fail(error);
    next();
  });
  traceOutsideHooks(fastify, tracer);
  fastify.addHook('onReady', async () =>
    tracer.observer.registered(() => reachesNoRoute(fastify, traceContext)),
  );
};

/**
 * Fastify plugin that serves each request inside one SERVER span.
 *
 * Register it anywhere. The caller's context is extracted when the request arrives, and is active in every hook and
 * handler, whether registered before or after the plugin. The span ends when the response is over: last byte written,
 * destroyed, or dropped by the client. Registering it twice is harmless.
 *
 * Registering rejects with a TypeError when an option has the wrong type. Never throws while serving.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
 * @example
 * await app.register(tracePlugin);
 */
export const tracePlugin = fastifyPlugin(plugin, { name: '@throughline/fastify', fastify: '>=4.10' });
