import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Express } from 'express';
import type { FastifyInstance } from 'fastify';
import type Koa from 'koa';

export type Framework = 'http' | 'express' | 'fastify' | 'koa';
export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** The one route that is measured. */
export const ROUTE = '/items/:id';

/** One way to trace a service, or not to. */
export interface Variant {
  readonly title: string;
  /** What the check before timing must see of it. */
  readonly expects: {
    /** Spans for a request whose caller has sampled it. */
    readonly spans: boolean;
    /** Spans for a request whose caller has not. */
    readonly unsampledSpans?: boolean;
    /** Its SERVER span is a child of the span that the request's headers name. */
    readonly continues: boolean;
    /** A call made by the handler carries the request's trace on. */
    readonly propagates: boolean;
  };
  /** The installation to run in; `otel` when absent. */
  readonly installation?: 'dd-trace' | 'sentry-10' | 'sentry-11';
  /** The only framework that can have it. Absent: all can. */
  readonly only?: Framework;
  /** Reads Sentry's header instead of the W3C's: requests bring both, to either side of its duels. */
  readonly sentryTrace?: boolean;
  /** Runs before the framework is loaded. */
  start?(framework: Framework): void | Promise<void>;
  listener?(handler: Handler): Handler;
  express?(app: Express): void;
  expressLast?(app: Express): void;
  koa?(app: Koa): void;
  fastify?(app: FastifyInstance): unknown;
  /** How the service calls others; `fetch` when absent. */
  call?(url: string): Promise<Response>;
  /** Runs `fn` as if in a request with this traceparent, for the client bench. */
  inCaller?(traceparent: string, fn: () => Promise<void>): Promise<void>;
  /** Told before a phase: whether the requests to come are sampled. */
  setSampled?(sampled: boolean): void;
}

type Serve = (req: IncomingMessage, res: ServerResponse, route: string, next: () => unknown) => unknown;

/** The same few lines on every framework. */
export function onEachFramework(serve: Serve): Pick<Variant, 'listener' | 'express' | 'koa' | 'fastify'> {
  return {
    listener: (handler) => (req, res) => serve(req, res, ROUTE, () => handler(req, res)),
    express: (app) => {
      app.use((req, res, next) => serve(req, res, ROUTE, next));
    },
    koa: (app) => {
      app.use((ctx, next) => serve(ctx.req, ctx.res, ROUTE, next) as Promise<unknown>);
    },
    fastify: (app) => {
      app.addHook('onRequest', (request, reply, next) => {
        serve(request.raw, reply.raw, ROUTE, next);
      });
    },
  };
}
