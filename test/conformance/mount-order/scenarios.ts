// A process of its own for each scenario, because a finding is told once. Run by mount-order.test.ts; prints JSON.
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { traceContext as traceExpress, tracingStatus } from '@throughline/express';
import { tracePlugin } from '@throughline/fastify';
import { traceContext as traceKoa } from '@throughline/koa';
import type { Express } from 'express';
import type Koa from 'koa';

/** What the process had to say. */
export interface Found {
  readonly status: readonly string[];
  readonly warned: readonly string[];
}

const require = createRequire(import.meta.url);
const [framework = '', scenario = '', wrapped] = process.argv.slice(2);

const EXPRESS: Record<string, (app: Express) => void> = {
  first(app) {
    app.use(traceExpress()).get('/', (_req, res) => void res.end());
  },
  'behind middleware'(app) {
    app.use((_req, _res, next) => next());
    app.use(traceExpress()).get('/', (_req, res) => void res.end());
  },
  'in a router, behind routes'(app) {
    const router = require(framework).Router();
    app.get('/healthz', (_req, res) => void res.end());
    app.use(router.use(traceExpress()).get('/', (_req: unknown, res: { end(): void }) => void res.end()));
  },
  'behind routes'(app) {
    app.get('/early/:id', (_req, res) => void res.end());
    app.use('/more', require(framework).Router());
    app.use(traceExpress()).get('/', (_req, res) => void res.end());
  },
};

function express(): RequestListener {
  const app = require(framework)() as Express;
  EXPRESS[scenario]?.(app);
  return app;
}

function koa(): RequestListener {
  const app = new (require(framework) as typeof Koa)();
  const { default: Router } = require('@koa/router') as { default: typeof import('@koa/router').default };
  const router = new Router().get('/early', () => {});
  if (scenario === 'behind middleware') app.use((_ctx, next) => next());
  if (scenario === 'behind routes') app.use(router.routes());
  app.use(traceKoa());
  if (scenario !== 'behind routes') app.use(router.routes());
  return app.callback();
}

async function fastify(): Promise<RequestListener> {
  const app = require(framework).fastify() as import('fastify').FastifyInstance;
  if (wrapped !== undefined) {
    const { addHook } = app;
    // As instrumentations do: the wrapper has a name of its own, or none.
    app.addHook = function addWrapped(this: typeof app, name: string, hook: (...args: unknown[]) => unknown) {
      const wrapper =
        name.startsWith('on') && !/^on(Ready|Listen|Route|Register|Close)$/.test(name)
          ? Object.defineProperty(
              function (this: unknown, ...args: unknown[]) {
                return hook.apply(this, args);
              },
              'name',
              { value: wrapped },
            )
          : hook;
      return Reflect.apply(addHook, this, [name, wrapper]) as typeof app;
    } as typeof addHook;
  }
  const withRoutes = async (inner: typeof app) => {
    inner.get('/inner', async () => 'ok');
    await inner.register(tracePlugin);
  };
  if (scenario === 'in a plugin of its own') {
    app.get('/', async () => 'ok');
    app.register(async (inner) => void (await inner.register(tracePlugin)));
  } else if (scenario === 'in a plugin with routes') {
    app.get('/', async () => 'ok');
    app.register(withRoutes);
  } else if (scenario === 'without any routes') {
    app.register(async (inner) => void (await inner.register(tracePlugin)));
  } else {
    app.get('/', async () => 'ok');
    app.register(tracePlugin);
  }
  await app.ready();
  return (req, res) => app.routing(req, res);
}

const warned: string[] = [];
process.on('warning', ({ message }) => warned.push(message));
const FRAMEWORKS: Record<string, () => RequestListener | Promise<RequestListener>> = {
  express,
  express4: express,
  fastify,
  fastify4: fastify,
  koa,
  koa2: koa,
};
const server = createServer(await FRAMEWORKS[framework]?.()).listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
for (let requests = 0; requests < 2; requests++)
  await (await fetch(url, { headers: { connection: 'close' } })).text();
server.close();
const found: Found = { status: tracingStatus().map(({ code }) => code), warned };
console.log(JSON.stringify(found));
