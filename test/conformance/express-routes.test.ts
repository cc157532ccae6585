import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { trace } from '@opentelemetry/api';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceContext } from '@throughline/express';
import { createSpanCollector } from '@throughline/testing';
import type express from 'express';
import type { Application } from 'express';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { EXPRESS_SHAPES, type ExpressShape } from './express-shapes.ts';

const spans = createSpanCollector();
beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
});
afterEach(() => spans.assertClean());
afterAll(() => trace.disable());

const require = createRequire(import.meta.url);
const express5: typeof express = require('express');
const express4: typeof express = require('express4');

interface Version {
  readonly name: string;
  readonly framework: typeof express;
  readonly major: 4 | 5;
  /** Takes from the layers what a release of the same major does not keep. */
  readonly forget?: (app: Application) => void;
}

const VERSIONS: readonly Version[] = [
  { name: 'express 5', framework: express5, major: 5 },
  {
    name: 'express 5.0 to 5.2, whose layers do not keep their path',
    framework: express5,
    major: 5,
    forget: forgetPaths,
  },
  { name: 'express 4', framework: express4, major: 4 },
];

describe.each(VERSIONS)('$name', (version) => {
  test.each(shapesOf(version))('$title', async (shape) => {
    await serving(shape, version, async (routeOf) => {
      for (const [path, expected] of shape.requests)
        expect([path, await routeOf(path)]).toEqual([path, expectedOf(version, path, expected)]);
    });
    // What an application has answered before makes no difference.
    for (const [path, expected] of shape.requests)
      await serving(shape, version, async (routeOf) => {
        expect([path, await routeOf(path)]).toEqual([path, expectedOf(version, path, expected)]);
      });
  });

  test('shows no more templates than the application has, whatever is requested, and keeps them for others', async () => {
    for (const shape of shapesOf(version).filter(({ untraced }) => untraced === undefined)) {
      const own = new Set(shape.requests.map(([path, route]) => expectedOf(version, path, route)));
      await serving(shape, version, async (routeOf) => {
        await fc.assert(
          fc.asyncProperty(spelling(shape.requests.map(([path]) => path)), async (path) => {
            const route = await routeOf(path);
            expect(own.add(undefined)).toContain(route);
          }),
          { numRuns: 60 },
        );
        for (const [path, expected] of shape.requests)
          expect([path, await routeOf(path)]).toEqual([path, expectedOf(version, path, expected)]);
      });
    }
  }, 60_000);

  test('600 hostile requests take nothing from the routes of others', async () => {
    const shape: ExpressShape = {
      title: '',
      build: ({ app, express }) => {
        app.use(
          /^\/[a-z]+-\d+/,
          express.Router().get('/x', (_req, res) => void res.end()),
        );
        app.use(
          '/u/:id',
          express.Router().get('/x', (_req, res) => void res.end()),
        );
      },
      requests: [],
    };
    await serving(shape, version, async (routeOf) => {
      const seen = new Set<string | undefined>();
      for (let at = 0; at < 300; at++) {
        seen.add(await routeOf(`/word-${at}/x`));
        seen.add(await routeOf(`/u/%${(0x41 + (at % 26)).toString(16)}${at}/x`));
      }
      expect(seen.size).toBe(2);
      expect(await routeOf('/u/ann/x')).toBe('/u/:id/x');
    });
  }, 30_000);
});

test.each(VERSIONS)('$name: the application sees its request as without us', async ({ framework }) => {
  const seen: unknown[][] = [];
  for (const traced of [false, true]) {
    const app = framework();
    if (traced) app.use(traceContext());
    const hidden = framework();
    hidden.get('/x', (req, res) => {
      const { baseUrl, url, originalUrl, route } = req;
      seen.push([baseUrl, url, originalUrl, route.path, Object.hasOwn(req, 'baseUrl')]);
      res.end();
    });
    app.use('/h/:h', (req, res) => void hidden(req, res));
    await withServer(app, (request) => request('/h/1/x'));
  }
  expect(seen[1]).toEqual(seen[0]);
  await spans.take();
});

function shapesOf({ major }: Version): readonly ExpressShape[] {
  return EXPRESS_SHAPES.filter(({ only = major }) => only === major);
}

async function serving(
  shape: ExpressShape,
  { framework, major, forget }: Version,
  use: (routeOf: (path: string) => Promise<string | undefined>) => Promise<void>,
): Promise<void> {
  const app = framework();
  app.set('env', 'test');
  if (shape.untraced === undefined) app.use(traceContext());
  shape.build({ express: framework, app, major, traceContext });
  forget?.(app);
  await withServer(app, (request) =>
    use(async (path) => {
      await request(path);
      const span = await spans.take();
      return span.attributes['http.route'] as string | undefined;
    }),
  );
}

async function withServer(
  app: Application,
  use: (request: (path: string) => Promise<void>) => Promise<void>,
) {
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    await use(async (path) => {
      const [res] = (await once(get({ host: '127.0.0.1', port, path }), 'response')) as [IncomingMessage];
      res.resume();
      await once(res, 'end');
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Layers of older releases have the matchers alone. */
function forgetPaths(app: Application): void {
  const visit = (layers: { rawPath?: unknown; handle?: { stack?: typeof layers } }[]) => {
    for (const layer of layers) {
      delete layer.rawPath;
      if (Array.isArray(layer.handle?.stack)) visit(layer.handle.stack);
    }
  };
  visit(app.router.stack as Parameters<typeof visit>[0]);
}

/** What cannot be known there: letter case of static words, and what is written in a regular expression. */
function expectedOf({ forget }: Version, path: string, route: string | undefined): string | undefined {
  if (forget === undefined || route === undefined) return route;
  return route
    .replace('/apiV1', '/apiv1')
    .replace(/^\/\^.*\/(?=\/x$)/, '/*')
    .replace('/o{/:lang}/end', path === '/o/end/x' ? '/o/end' : '/o/:lang/end');
}

/** Changes words of a path, their letter case and encoding, and slashes. */
function spelling(paths: readonly string[]): fc.Arbitrary<string> {
  const change = fc.constantFrom<(word: string) => string>(
    (word) => word,
    (word) => word.toUpperCase(),
    (word) => word.replace(/[a-z0-9]/i, (char) => `%${char.charCodeAt(0).toString(16)}`),
    (word) => (/^[a-z]*\d+$/.test(word) ? `zq${word}` : word),
    () => 'zq',
    (word) => `${word}/`,
    (word) => `${word}%2f`,
  );
  return fc.tuple(fc.constantFrom(...paths), fc.array(change, { minLength: 12, maxLength: 12 })).map(
    ([path, changes]) =>
      path
        .split('/')
        .map((word, at) => (at === 0 ? word : (changes[at % 12] ?? String)(word)))
        .join('/') || '/',
  );
}
