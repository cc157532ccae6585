// The other process: a GraphQL server on graphql-yoga. It answers with what its resolver sees.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { injectContext } from '@throughline/core';
import { traceGraphql } from '@throughline/graphql/envelop';
import { traceListener } from '@throughline/http';
import { createPropagator } from '@throughline/propagators';
import { createSchema, createYoga } from 'graphql-yoga';

if (process.env.SDK !== 'off') {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
  trace.setGlobalTracerProvider(new TracerProvider({}));
}
const seen = async () => {
  await new Promise((next) => setImmediate(next));
  return JSON.stringify(injectContext({}));
};
const schema = createSchema({ typeDefs: 'type Query { seen: String }', resolvers: { Query: { seen } } });
const yoga = createYoga({ schema, logging: false, plugins: [traceGraphql()] });
const server = createServer(traceListener(yoga as RequestListener, { selfCheck: 'off' }));
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());
