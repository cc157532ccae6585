import 'reflect-metadata';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import {
  type ArgumentsHost,
  BadRequestException,
  Catch,
  Controller,
  Get,
  HttpException,
  type INestApplication,
  Module,
  UseGuards,
} from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { trace } from '@opentelemetry/api';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceContext } from '@throughline/express';
import { tracePlugin } from '@throughline/fastify';
import { exchangeOf, traceListener } from '@throughline/http';
import { createSpanCollector, type RecordedSpan } from '@throughline/testing';
import { Hono } from 'hono';
import { routePath } from 'hono/route';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

const spans = createSpanCollector();
beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
});
afterEach(() => spans.assertClean());
afterAll(() => trace.disable());

async function requested(server: Server, path: string): Promise<{ status: number; span: RecordedSpan }> {
  const { port } = server.address() as AddressInfo;
  const { status } = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status, span: await spans.take() };
}

const exceptions = ({ events }: RecordedSpan) =>
  events.map(({ attributes }) => attributes?.['exception.type']);

// Decorators as functions: the type stripping of Node and vitest has no decorators.
class ItemsController {
  find(): string {
    return 'item';
  }
  throws(): never {
    throw new RangeError('from the handler');
  }
  refuses(): never {
    throw new BadRequestException('not that');
  }
  unavailable(): never {
    throw new HttpException('later', 503);
  }
  guarded(): string {
    return 'never';
  }
}
const decorate = (method: keyof ItemsController, ...decorators: MethodDecorator[]) => {
  const descriptor = Object.getOwnPropertyDescriptor(ItemsController.prototype, method) as PropertyDescriptor;
  for (const decorator of decorators) decorator(ItemsController.prototype, method, descriptor);
};
decorate('find', Get(':id'));
decorate('throws', Get(':id/throws'));
decorate('refuses', Get(':id/refuses'));
decorate('unavailable', Get(':id/unavailable'));
decorate(
  'guarded',
  Get(':id/guarded'),
  UseGuards({
    canActivate: () => {
      throw new RangeError('from the guard');
    },
  }),
);
Controller('items')(ItemsController);

class AppModule {}
Module({ controllers: [ItemsController] })(AppModule);

/** As the READMEs of both adapters say. */
class TraceExceptions extends BaseExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost) {
    const request = host.switchToHttp().getRequest();
    exchangeOf(request.raw ?? request)?.fail(exception);
    super.catch(exception, host);
  }
}
Catch()(TraceExceptions);

const NEST: readonly (readonly [name: string, create: () => Promise<INestApplication>])[] = [
  [
    'NestJS on Express',
    async () => {
      const app = await NestFactory.create(AppModule, new ExpressAdapter(), { logger: false });
      app.use(traceContext());
      return app;
    },
  ],
  [
    'NestJS on Fastify',
    async () => {
      const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
      await app.getHttpAdapter().getInstance().register(tracePlugin);
      return app;
    },
  ],
];

describe.each(NEST)('%s', (_name, create) => {
  test.each([
    ['items/7', 200, '/items/:id', []],
    ['items/7/throws', 500, '/items/:id/throws', ['RangeError']],
    ['items/7/guarded', 500, '/items/:id/guarded', ['RangeError']],
    ['items/7/unavailable', 503, '/items/:id/unavailable', ['HttpException']],
    // A 4xx is the caller's fault: no error of this service.
    ['items/7/refuses', 400, '/items/:id/refuses', []],
  ])(
    'GET /%s is answered %i as without us, its route and its exception are recorded',
    async (path, status, route, recorded) => {
      const app = await create();
      app.useGlobalFilters(new TraceExceptions(app.get(HttpAdapterHost).httpAdapter));
      await app.listen(0, '127.0.0.1');
      try {
        const answered = await requested(app.getHttpServer(), `/${path}`);
        expect(answered.status).toBe(status);
        expect(answered.span.attributes['http.route']).toBe(route);
        expect(exceptions(answered.span)).toEqual(recorded);
      } finally {
        await app.close();
      }
    },
  );
});

test.each([
  ['/items/7', 200, '/items/:id', []],
  ['/items/7/throws', 500, '/items/:id/throws', ['RangeError']],
  ['/none', 404, undefined, []],
])(
  'Hono on node-server: GET %s is %i, its route and its exception are recorded',
  async (path, status, route, recorded) => {
    const app = new Hono<{ Bindings: { incoming: object } }>();
    app.use(async (c, next) => {
      await next();
      const exchange = exchangeOf(c.env.incoming);
      if (c.error) exchange?.fail(c.error);
      if (routePath(c, -1) !== '/*') exchange?.setRoute(routePath(c, -1));
    });
    app.get('/items/:id', (c) => c.text('item'));
    app.get('/items/:id/throws', () => {
      throw new RangeError('from the handler');
    });
    app.onError((_error, c) => c.text('sorry', 500));
    const server = serve({
      fetch: app.fetch,
      port: 0,
      hostname: '127.0.0.1',
      createServer: ((options: object, listener: RequestListener) =>
        createServer(options, traceListener(listener))) as never,
    }) as Server;
    if (!server.listening) await once(server, 'listening');
    try {
      const answered = await requested(server, path);
      expect([answered.status, answered.span.attributes['http.route']]).toEqual([status, route]);
      expect(exceptions(answered.span)).toEqual(recorded);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  },
);
