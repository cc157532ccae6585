import { context, propagation, ROOT_CONTEXT, type TextMapPropagator } from '@opentelemetry/api';
import { traceContext, traceErrors } from '@throughline/express';
import { tracePlugin } from '@throughline/fastify';
import { createTracedFetch, type TracedFetchOptions } from '@throughline/fetch';
import { exchangeOf, traceListener } from '@throughline/http';
import type { HttpServerOptions } from '@throughline/http-semantics';
import { traceContext as koaTraceContext } from '@throughline/koa';
import { createPropagator } from '@throughline/propagators';
import { startSdk, startStarter } from './sdk.ts';
import { ROUTE, type Variant } from './variant.ts';

/** Throughline on every framework. */
export function throughline(
  title: string,
  {
    sdk = true,
    starter = false,
    measures = false,
    propagator = createPropagator(),
    server,
    client,
  }: {
    sdk?: boolean;
    /** Whether `@throughline/sdk` starts the SDK, with a recorder of its own. */
    starter?: boolean;
    measures?: boolean;
    propagator?: TextMapPropagator;
    server?: HttpServerOptions;
    client?: TracedFetchOptions;
  } = {},
): Variant {
  const fetch = createTracedFetch(client);
  return {
    title,
    expects: { spans: sdk, continues: true, propagates: true },
    start: () => (starter ? startStarter() : sdk ? startSdk({ propagator, measures }) : undefined),
    listener: (handler) =>
      traceListener((req, res) => {
        exchangeOf(req)?.setRoute(ROUTE);
        handler(req, res);
      }, server),
    express: (app) => void app.use(traceContext(server)),
    expressLast: (app) => void app.use(traceErrors()),
    koa: (app) => void app.use(koaTraceContext(server)),
    fastify: (app) => app.register(tracePlugin, server ?? {}),
    call: (url) => fetch(url),
    inCaller: (traceparent, fn) => context.with(propagation.extract(ROOT_CONTEXT, { traceparent }), fn),
  };
}
