import type express from 'express';
import type { Application, ErrorRequestHandler, RequestHandler, Router } from 'express';

/** What a shape is built from: one version of Express, with tracing mounted already in `app`. */
export interface ExpressKit {
  readonly express: typeof express;
  readonly app: Application;
  readonly major: 4 | 5;
  readonly traceContext: () => RequestHandler;
}

/** One arrangement of routers, with requests of any spelling and the template that each has to show. */
export interface ExpressShape {
  readonly title: string;
  /** Where the syntax of the paths belongs to one major version. */
  readonly only?: 4 | 5;
  /** The shape mounts `traceContext()` by itself. */
  readonly untraced?: true;
  build(kit: ExpressKit): void;
  readonly requests: readonly (readonly [path: string, route: string | undefined])[];
}

const ok: RequestHandler = (_req, res) => void res.end('ok');
const pass: RequestHandler = (_req, _res, next) => next();
const fail: RequestHandler = () => {
  throw new RangeError('from the handler');
};
const answer500: ErrorRequestHandler = (_error, _req, res, _next) => void res.status(500).end('failed');

/** A router that is mounted where its parameters are seen, with one route. */
function router(kit: ExpressKit, path: string, handler = ok): Router {
  return kit.express.Router({ mergeParams: true }).get(path, handler);
}

export const EXPRESS_SHAPES: readonly ExpressShape[] = [
  {
    title: 'a mount path with a parameter',
    build: (kit) => kit.app.use('/u/:id', router(kit, '/x')),
    requests: [
      ['/u/ann/x', '/u/:id/x'],
      ['/u/%61nn/x', '/u/:id/x'],
      ['/u/a%2Fb/x', '/u/:id/x'],
      ['/u/%E2%82%AC/x', '/u/:id/x'],
      ['/u/%e2%82%ac/x/', '/u/:id/x'],
      ['/U/ann/X', '/u/:id/x'],
      ['/u/u/x', '/u/:id/x'],
      ['/u/x/x', '/u/:id/x'],
      ['/u/:id/x', '/u/:id/x'],
      ['/u/ann/x?u=/u/bob', '/u/:id/x'],
      ['/u/a.b/x', '/u/:id/x'],
      ['/u/%2525/x', '/u/:id/x'],
      ['/u/ann/none', undefined],
      ['/u/%zz/x', undefined],
    ],
  },
  {
    title: 'two parameters in one segment',
    build: (kit) => kit.app.use('/:a-:b', router(kit, '/x')),
    requests: [
      ['/12-34/x', '/:a-:b/x'],
      ['/1%32-34/x', '/:a-:b/x'],
      ['/12-12/x', '/:a-:b/x'],
    ],
  },
  {
    title: 'two parameters with a dot between, behind a word',
    build: (kit) => kit.app.use('/files/v:version/:a.:b', router(kit, '/x')),
    requests: [
      ['/files/v7/name.txt/x', '/files/v:version/:a.:b/x'],
      ['/files/vfiles/a.a/x', '/files/v:version/:a.:b/x'],
    ],
  },
  {
    title: 'values that hold each other and static words',
    build: (kit) => kit.app.use('/users/:users/x/:x', router(kit, '/y')),
    requests: [
      ['/users/users/x/users/y', '/users/:users/x/:x/y'],
      ['/users/x/x/x/y', '/users/:users/x/:x/y'],
      ['/users/1/x/11/y', '/users/:users/x/:x/y'],
    ],
  },
  {
    title: 'routers in routers, without merged parameters',
    build: ({ app, express }) =>
      app.use(
        '/a/:a',
        express.Router().use(express.Router().use('/b/:b', express.Router().get('/c/:c', ok))),
      ),
    requests: [
      ['/a/1/b/2/c/3', '/a/:a/b/:b/c/:c'],
      ['/a/b/b/a/c/c', '/a/:a/b/:b/c/:c'],
      ['/a/%31/b/%32/c/%33', '/a/:a/b/:b/c/:c'],
    ],
  },
  {
    title: 'app.param and a handler that rewrite parameters',
    build: (kit) => {
      kit.app.param('id', (req, _res, next, id) => {
        setImmediate(() => {
          req.params.id = `user ${id}`;
          next();
        });
      });
      kit.app.use('/p/:id', (req, _res, next) => {
        (req as { params: object }).params = {};
        next();
      });
      kit.app.use('/p/:id', router(kit, '/x'));
    },
    requests: [
      ['/p/7/x', '/p/:id/x'],
      ['/p/%37/x', '/p/:id/x'],
    ],
  },
  {
    title: 'a list of mount paths, one router',
    build: (kit) => kit.app.use(['/one', '/two/:id', '/three'], router(kit, '/x')),
    requests: [
      ['/one/x', '/one/x'],
      ['/two/7/x', '/two/:id/x'],
      ['/two/one/x', '/two/:id/x'],
      ['/three/x', '/three/x'],
    ],
  },
  {
    title: 'one router mounted in several places',
    build: (kit) => {
      const shared = router(kit, '/x/:x');
      kit.app.use('/v1/:tenant', shared);
      kit.app.use('/v2', kit.express.Router().use('/deep/:er', shared));
      kit.app.use(shared);
    },
    requests: [
      ['/v1/acme/x/1', '/v1/:tenant/x/:x'],
      ['/v1/x/x/x', '/v1/:tenant/x/:x'],
      ['/v2/deep/1/x/2', '/v2/deep/:er/x/:x'],
      ['/x/1', '/x/:x'],
    ],
  },
  {
    title: 'a regular expression as mount path',
    build: (kit) => kit.app.use(/^\/r\/(\d+)/, router(kit, '/x')),
    requests: [
      ['/r/1/x', '/^\\/r\\/(\\d+)//x'],
      ['/r/2222/x', '/^\\/r\\/(\\d+)//x'],
    ],
  },
  {
    title: 'a regular expression without groups, that any client varies',
    build: (kit) => kit.app.use(/^\/[a-z]+[0-9]*/, router(kit, '/x')),
    requests: [
      ['/abc1/x', '/^\\/[a-z]+[0-9]*//x'],
      ['/secret/x', '/^\\/[a-z]+[0-9]*//x'],
    ],
  },
  {
    title: 'optional parts',
    only: 5,
    build: (kit) => kit.app.use('/o{/:lang}/end', router(kit, '/x')),
    requests: [
      ['/o/en/end/x', '/o{/:lang}/end/x'],
      ['/o/end/x', '/o{/:lang}/end/x'],
    ],
  },
  {
    title: 'a wildcard as mount path',
    only: 5,
    build: (kit) => kit.app.use('/w/*rest/end', router(kit, '/x')),
    requests: [
      ['/w/a/b/end/x', '/w/*rest/end/x'],
      ['/w/%61/end/x', '/w/*rest/end/x'],
    ],
  },
  {
    title: 'optional parts, own expressions, stars',
    only: 4,
    build: (kit) => {
      kit.app.use('/o/:lang?/end', router(kit, '/x'));
      kit.app.use('/n/:id(\\d+)/:slug([a-c]+)?', router(kit, '/x'));
      kit.app.use('/s/*/end', router(kit, '/x'));
      kit.app.use('/ab?cd', router(kit, '/x'));
      kit.app.use('/g/(\\d+)', router(kit, '/x'));
    },
    requests: [
      ['/o/en/end/x', '/o/:lang?/end/x'],
      ['/o/end/x', '/o/:lang?/end/x'],
      ['/n/12/x', '/n/:id(\\d+)/:slug([a-c]+)?/x'],
      ['/n/12/cab/x', '/n/:id(\\d+)/:slug([a-c]+)?/x'],
      ['/s/any/thing/end/x', '/s/*/end/x'],
      ['/acd/x', '/ab?cd/x'],
      ['/abcd/x', '/ab?cd/x'],
      ['/g/12/x', '/g/(\\d+)/x'],
    ],
  },
  {
    title: 'sub-applications in sub-applications',
    build: ({ app, express }) => {
      const inner = express().get('/x/:x', ok).get('/fail', fail);
      const middle = express().use('/inner/:i', inner);
      app.use('/:tenant/sub', middle);
    },
    requests: [
      ['/acme/sub/inner/1/x/2', '/:tenant/sub/inner/:i/x/:x'],
      ['/sub/sub/inner/inner/x/x', '/:tenant/sub/inner/:i/x/:x'],
      ['/acme/sub/inner/1/none', undefined],
    ],
  },
  {
    title: 'an error that unwinds out of routers in sub-applications',
    build: ({ app, express }) => {
      const inner = express().use('/r/:r', express.Router().get('/fail', fail));
      app.use('/:tenant/sub', inner);
      app.use(answer500);
    },
    requests: [['/acme/sub/r/1/fail', '/:tenant/sub/r/:r/fail']],
  },
  {
    title: 'an application mounted in a router',
    build: ({ app, express }) => app.use('/r/:r', express.Router().use('/app', express().get('/x', ok))),
    requests: [['/r/1/app/x', '/r/:r/app/x']],
  },
  {
    title: 'a router behind a function',
    build: (kit) => {
      const hidden = router(kit, '/x/:x').use('/deep/:deep', router(kit, '/y'));
      kit.app.use('/h/:h', (req, res, next) => void hidden(req, res, next));
    },
    requests: [
      ['/h/1/x/2', '/h/:h/x/:x'],
      ['/h/x/x/x', '/h/:h/x/:x'],
      ['/h/1/deep/2/y', '/h/:h/*/y'],
    ],
  },
  {
    title: 'an application behind a function',
    build: ({ app, express }) => {
      const hidden = express().use('/r/:r', express.Router().get('/y', ok));
      hidden.get('/base', (req, res) => void res.end(req.baseUrl));
      app.use('/h/:h', (req, res) => void hidden(req, res));
    },
    requests: [
      ['/h/1/r/2/y', '/h/:h/r/:r/y'],
      ['/h/1/base', '/h/:h/base'],
      // Called without `next`, it answers its 404 itself.
      ['/h/1/none', '/h/:h'],
    ],
  },
  {
    title: 'tracing mounted in a router below a parameter',
    untraced: true,
    build: ({ app, express, traceContext }) => {
      const traced = express.Router().use(traceContext()).get('/x/:x', ok);
      traced.use('/more/:more', express.Router().get('/y', ok));
      app.use('/api/:version', traced);
    },
    requests: [
      ['/api/v1/x/1', '/api/:version/x/:x'],
      ['/api/v2/x/2', '/api/:version/x/:x'],
      ['/api/v2/more/2/y', '/api/:version/more/:more/y'],
      ['/api/v3/x/3', '/api/:version/x/:x'],
    ],
  },
  {
    title: 'tracing mounted in a sub-application alone',
    untraced: true,
    build: ({ app, express, traceContext }) =>
      app.use('/sub/:sub', express().use(traceContext()).get('/x/:x', ok)),
    requests: [
      ['/sub/1/x/1', '/sub/:sub/x/:x'],
      ['/sub/2/x/2', '/sub/:sub/x/:x'],
    ],
  },
  {
    title: 'tracing mounted on one route',
    untraced: true,
    build: ({ app, traceContext }) => app.get('/one/:id', traceContext(), ok),
    requests: [
      ['/one/1', '/one/:id'],
      ['/one/2', '/one/:id'],
    ],
  },
  {
    title: 'a path that a middleware rewrites',
    build: (kit) => {
      kit.app.use((req, _res, next) => {
        req.url = req.url.replace('/old', '/v2');
        next();
      });
      kit.app.use('/v2/:id', router(kit, '/x'));
    },
    requests: [['/old/7/x', '/v2/:id/x']],
  },
  {
    title: 'letters of any case',
    build: (kit) => kit.app.use('/apiV1/:id', router(kit, '/userInfo')),
    requests: [
      ['/apiV1/1/userInfo', '/apiV1/:id/userInfo'],
      ['/APIv1/1/USERINFO', '/apiV1/:id/userInfo'],
    ],
  },
  {
    title: 'mount paths without a route below',
    build: ({ app, express }) => {
      app.use('/:any', pass);
      app.use('/trpc', ok);
      app.use('/t/:tenant', express.Router().use('/graphql', ok).use('/next', pass));
      app.use('/sub', express().use('/deep/:er', ok));
      app.use(
        '/owned',
        express().use((_req, res) => void res.status(404).end()),
      );
      app.use('/fails', fail);
      app.get('/', ok);
      app.use(answer500);
    },
    requests: [
      ['/trpc', '/trpc'],
      ['/trpc/user.byId?batch=1', '/trpc'],
      ['/TRPC/user.byId', '/trpc'],
      ['/t/acme/graphql', '/t/:tenant/graphql'],
      ['/t/graphql/graphql/x', '/t/:tenant/graphql'],
      ['/sub/deep/1', '/sub/deep/:er'],
      ['/owned/none', '/owned'],
      ['/fails/now', '/fails'],
      ['/t/acme/next', undefined],
      ['/none', undefined],
      ['/', '/'],
    ],
  },
  {
    title: 'routes that pass on to mounts, and error handlers that have a path',
    build: ({ app }) => {
      app.get('/trpc/:x', pass);
      app.use('/trpc', ok);
      app.get('/api/:x', fail);
      app.use('/api', answer500);
    },
    requests: [
      ['/trpc/1', '/trpc'],
      ['/api/1', '/api/:x'],
    ],
  },
];
