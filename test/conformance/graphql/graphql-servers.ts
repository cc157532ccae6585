import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { injectContext } from '@throughline/core';
import { tracePlugin } from '@throughline/fastify';
import { traceGraphql as traceApollo } from '@throughline/graphql/apollo';
import { traceLoader } from '@throughline/graphql/dataloader';
import { traceGraphql as traceYoga } from '@throughline/graphql/envelop';
import { traceExecution } from '@throughline/graphql/execution';
import { traceGraphql as traceMercurius } from '@throughline/graphql/mercurius';
import { traceListener } from '@throughline/http';
import type {
  ConformanceSdk,
  GraphqlConformanceOptions,
  GraphqlSetup,
  ServedGraphql,
  SubscribedEvents,
} from '@throughline/testing';
import DataLoader from 'dataloader';
import fastify from 'fastify';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { createSchema, createYoga } from 'graphql-yoga';
import { mercurius } from 'mercurius';
import { WebSocket, WebSocketServer } from 'ws';

// The copy that Apollo Server and graphql-yoga load; a bundler of tests may prefer another.
const { execute, subscribe } = createRequire(import.meta.url)('graphql') as typeof import('graphql');

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
}

function close(server: Server): Promise<void> {
  return new Promise((closed) => {
    server.close(() => closed());
    server.closeAllConnections();
  });
}

/** Subscribes through graphql-ws, as an application does. */
function subscribeByWebSocket(url: string, query: string): SubscribedEvents {
  const client = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 });
  const events = client.iterate({ query });
  return {
    async *[Symbol.asyncIterator]() {
      try {
        yield* events;
      } finally {
        await client.dispose();
      }
    },
    leave: () => client.dispose(),
  };
}

async function serveYoga({ typeDefs, resolvers, traceOptions }: GraphqlSetup): Promise<ServedGraphql> {
  const yoga = createYoga({
    schema: createSchema({ typeDefs, resolvers: resolvers as never }),
    batching: true,
    logging: false,
    plugins: traceOptions === undefined ? [] : [traceYoga(traceOptions)],
  });
  const server = createServer(traceListener(yoga as RequestListener));
  return { url: await listen(server), close: () => close(server) };
}

/** @param library The package, or the alias under which a line of it is installed. */
async function serveApollo(
  library: string,
  { typeDefs, resolvers, traceOptions }: GraphqlSetup,
): Promise<ServedGraphql> {
  const { ApolloServer, HeaderMap } = (await import(library)) as typeof import('@apollo/server');
  const apollo = new ApolloServer({
    typeDefs,
    resolvers: resolvers as never,
    allowBatchedHttpRequests: true,
    plugins: traceOptions === undefined ? [] : [traceApollo(traceOptions)],
    stopOnTerminationSignals: false,
  });
  await apollo.start();
  const server = createServer(
    traceListener(async (req, res) => {
      let text = '';
      for await (const piece of req) text += piece;
      const headers = new HeaderMap();
      for (const [name, value] of Object.entries(req.headers)) headers.set(name, String(value));
      const answer = await apollo.executeHTTPGraphQLRequest({
        httpGraphQLRequest: { method: 'POST', headers, body: JSON.parse(text), search: '' },
        context: async () => ({}),
      });
      res.writeHead(answer.status ?? 200, Object.fromEntries(answer.headers));
      res.end(answer.body.kind === 'complete' ? answer.body.string : '');
    }),
  );
  // Apollo Server leaves subscriptions to graphql-ws.
  const sockets = new WebSocketServer({ server });
  const functions = { execute, subscribe };
  useServer(
    {
      schema: createSchema({ typeDefs, resolvers: resolvers as never }),
      ...(traceOptions === undefined ? functions : traceExecution(functions, traceOptions)),
    } as never,
    sockets,
  );
  const url = await listen(server);
  return {
    url,
    subscribe: (query) => subscribeByWebSocket(url, query),
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      await close(server);
      await apollo.stop();
    },
  };
}

async function serveMercurius({ typeDefs, resolvers, traceOptions }: GraphqlSetup): Promise<ServedGraphql> {
  const app = fastify({ forceCloseConnections: true });
  await app.register(tracePlugin);
  if (traceOptions !== undefined) await app.register(traceMercurius(traceOptions));
  await app.register(mercurius, {
    schema: typeDefs,
    resolvers: resolvers as never,
    allowBatchedQueries: true,
    subscription: true,
  });
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/graphql`;
  return { url, subscribe: (query) => subscribeByWebSocket(url, query), close: () => app.close() };
}

const NO_ROUTE = { reason: 'Apollo Server does not know where it is mounted; its HTTP server does' };

const SERVERS: Readonly<Record<string, Omit<GraphqlConformanceOptions, 'name' | 'sdk' | 'outgoingFields'>>> =
  {
    'graphql-yoga': { serve: serveYoga },
    'Apollo Server 5': {
      serve: (setup) => serveApollo('@apollo/server', setup),
      capabilities: { route: NO_ROUTE },
    },
    'Apollo Server 4': { serve: (setup) => serveApollo('apollo4', setup), capabilities: { route: NO_ROUTE } },
    mercurius: {
      serve: serveMercurius,
      refusals: { parse: 'MER_ERR_GQL_VALIDATION', validation: 'MER_ERR_GQL_VALIDATION' },
    },
  };

/** Returns what the GraphQL kit needs to know about a server. */
export function graphqlServer(name: string, sdk: ConformanceSdk): GraphqlConformanceOptions {
  const server = SERVERS[name];
  if (server === undefined) throw new Error(`no GraphQL server is called ${name}`);
  return {
    name,
    sdk,
    ...server,
    outgoingFields: () => injectContext({}),
    createLoader: (loadBatch) => traceLoader('names', loadBatch, (batch) => new DataLoader(batch)),
  };
}
