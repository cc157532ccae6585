import { tracedJob } from '@throughline/core';
import { createLogFields, traceMeta } from '@throughline/core/logs';
import * as express from '@throughline/express';
import { tracePlugin } from '@throughline/fastify';
import { createTracedFetch, createTraceHeaders, traceInterceptor } from '@throughline/fetch';
import * as apollo from '@throughline/graphql/apollo';
import { traceLoader } from '@throughline/graphql/dataloader';
import * as envelop from '@throughline/graphql/envelop';
import { traceExecution } from '@throughline/graphql/execution';
import * as mercurius from '@throughline/graphql/mercurius';
import * as connect from '@throughline/grpc/connect';
import * as grpcJs from '@throughline/grpc/grpc-js';
import { traceListener } from '@throughline/http';
import { createHttpServerTracer, sampledBudget, trustWhen } from '@throughline/http-semantics';
import * as koa from '@throughline/koa';
import { tracedHandler } from '@throughline/lambda';
import * as amqplib from '@throughline/messaging/amqplib';
import * as bullmq from '@throughline/messaging/bullmq';
import * as cloudevents from '@throughline/messaging/cloudevents';
import * as confluent from '@throughline/messaging/confluent-kafka';
import * as ioredis from '@throughline/messaging/ioredis';
import * as jobs from '@throughline/messaging/jobs';
import * as kafkajs from '@throughline/messaging/kafkajs';
import * as mqtt from '@throughline/messaging/mqtt';
import * as nats from '@throughline/messaging/nats';
import * as pubsub from '@throughline/messaging/pubsub';
import * as redis from '@throughline/messaging/redis';
import * as serviceBus from '@throughline/messaging/service-bus';
import * as sns from '@throughline/messaging/sns';
import * as sqs from '@throughline/messaging/sqs';
import * as sqsConsumer from '@throughline/messaging/sqs-consumer';
import * as propagators from '@throughline/propagators';
import { startTracing } from '@throughline/sdk';
import * as pg from '@throughline/sql/pg';
import { readFrames, writeFrames } from '@throughline/stream';
import * as testing from '@throughline/testing';
import { traceFetchHandler } from '@throughline/web';
import * as hono from '@throughline/web/hono';
import { traceWebSocket as traceNativeSocket } from '@throughline/websocket/native';
import { traceServer as traceSocketIo } from '@throughline/websocket/socket.io';
import { traceConnect } from '@throughline/websocket/socket.io-client';
import { traceWebSocket, traceWebSocketServer } from '@throughline/websocket/ws';
import fastify from 'fastify';
import { describe, expect, test } from 'vitest';

type SetUp = (options: object) => unknown;

/** Every function and class that takes options at set-up, called with nothing wrong but one option too many. */
const SET_UPS: Record<string, SetUp> = {
  createHttpServerTracer: (options) => createHttpServerTracer(options),
  tracedJob: (options) => tracedJob('job', () => {}, options),
  createLogFields: (options) => createLogFields(options),
  traceMeta: (options) => traceMeta({}, options),
  trustWhen: (options) => trustWhen(() => true, options),
  sampledBudget: (options) => sampledBudget({ perSecond: 1, ...options }),
  'express traceContext': (options) => express.traceContext(options),
  'koa traceContext': (options) => koa.traceContext(options),
  traceListener: (options) => traceListener(() => {}, options),
  tracePlugin: async (options) => {
    const app = fastify();
    await app.register(tracePlugin, options);
    await app.ready();
  },
  traceFetchHandler: (options) => traceFetchHandler(() => new Response(), options),
  'hono traceContext': (options) => hono.traceContext(options),
  'grpc-js traceServer': (options) => grpcJs.traceServer(options),
  'grpc-js traceClient': (options) => grpcJs.traceClient(options),
  'connect traceServer': (options) => connect.traceServer(options),
  'connect traceClient': (options) => connect.traceClient(options),
  'apollo traceGraphql': (options) => apollo.traceGraphql(options),
  'envelop traceGraphql': (options) => envelop.traceGraphql(options),
  'mercurius traceGraphql': (options) => mercurius.traceGraphql(options),
  traceExecution: (options) => traceExecution({}, options),
  traceLoader: (options) =>
    traceLoader(
      'items',
      async () => [],
      (load) => ({ load }) as never,
      options,
    ),
  'ws traceWebSocket': (options) => traceWebSocket(class {} as never, options),
  'ws traceWebSocketServer': (options) => traceWebSocketServer(class {} as never, options),
  'native traceWebSocket': (options) => traceNativeSocket(class {} as never, options),
  'socket.io traceServer': (options) => traceSocketIo({ adapter() {} } as never, options),
  'socket.io-client traceConnect': (options) => traceConnect((() => {}) as never, options),
  readFrames: (options) => readFrames(options),
  writeFrames: (options) => writeFrames(options),
  tracedHandler: (options) => tracedHandler(async () => {}, options),
  'pg traceClient': (options) => pg.traceClient({} as never, options),
  'pg tracePool': (options) => pg.tracePool({} as never, options),
  createTracedFetch: (options) => createTracedFetch(options),
  createTraceHeaders: (options) => createTraceHeaders(options),
  traceInterceptor: (options) => traceInterceptor(options),
  B3Propagator: (options) => new propagators.B3Propagator(options),
  GrpcTraceBinPropagator: (options) => new propagators.GrpcTraceBinPropagator(options),
  JaegerPropagator: (options) => new propagators.JaegerPropagator(options as never),
  XRayPropagator: (options) => new propagators.XRayPropagator(options as never),
  W3CBaggagePropagator: (options) => new propagators.W3CBaggagePropagator(options as never),
  W3CTraceContextPropagator: (options) => new propagators.W3CTraceContextPropagator(options),
  CompositePropagator: (options) =>
    new propagators.CompositePropagator({ extract: [], inject: [], ...options }),
  'createPropagator, names': (options) =>
    propagators.createPropagator({ extract: 'b3', inject: 'b3', ...options }),
  'createPropagator, options': (options) => propagators.createPropagator('b3', options),
  startTracing: (options) => startTracing({ serviceName: 'orders', ...options }),
  'startTracing, sampling': (options) => startTracing({ serviceName: 'orders', sampling: options }),
  httpServerConformanceCases: (options) =>
    testing.httpServerConformanceCases({ name: 'x', sdk: {}, serve() {}, ...options } as never),
  httpClientConformanceCases: (options) =>
    testing.httpClientConformanceCases({ name: 'x', sdk: {}, connect() {}, ...options } as never),
  messagingConformanceCases: (options) =>
    testing.messagingConformanceCases({
      name: 'x',
      sdk: {},
      system: 'x',
      names: {},
      connect() {},
      ...options,
    } as never),
  'abilities of a kit': (capabilities) =>
    testing.httpServerConformanceCases({ name: 'x', sdk: {}, serve() {}, capabilities } as never),
};

const MODULES = {
  amqplib,
  bullmq,
  cloudevents,
  confluent,
  ioredis,
  jobs,
  kafkajs,
  mqtt,
  nats,
  pubsub,
  redis,
  serviceBus,
  sns,
  sqs,
  sqsConsumer,
};
/** These take no options of tracing: one event or one call, or what another call has set up. */
const WITHOUT_OPTIONS = new Set([
  'jobs serializeContext',
  'jobs runWithSerializedContext',
  'cloudevents withTraceContext',
  'bullmq traceFlowProducer',
]);
for (const [module, exported] of Object.entries(MODULES))
  for (const [name, value] of Object.entries(exported))
    if (!WITHOUT_OPTIONS.has(`${module} ${name}`))
      SET_UPS[`${module} ${name}`] = (options) =>
        setUp(name, value as (...args: unknown[]) => unknown, options);

/** The client or the handler comes first; a system's name goes before the options of jobs. */
function setUp(name: string, value: (...args: unknown[]) => unknown, options: object): unknown {
  const client =
    name.includes('Handler') || name === 'traceProcessor' || name === 'traceEmitter' ? () => {} : {};
  const own = { headers: () => ({}), ...options };
  if (name === 'createTelemetry' || name === 'recordBatches') return value(options);
  if (name === 'createJobTracer') return value('x', options);
  return value(
    client,
    value === nats.traceConnection ||
      value === nats.traceJetStream ||
      value === nats.traceConsumer ||
      value === nats.traceHandler
      ? own
      : options,
  );
}

describe('an option that does not exist is refused by', () => {
  test.each(Object.keys(SET_UPS))('%s', async (name) => {
    const set = async () => (SET_UPS[name] as SetUp)({ surplusOption: true });
    await expect(set).rejects.toThrow(
      /^\[throughline\/[a-z/-]+\] .+: options\.surplusOption does not exist; (the options are |there are no options)/,
    );
    await expect(set).rejects.toBeInstanceOf(TypeError);
  });
});

test('an option inside of an option is an option, too', () => {
  const trust = { parent: 'continue', bagage: 'drop' } as never;
  expect(() => express.traceContext({ trust })).toThrow(/options\.trust must be/);
  const target = {
    to: 'https://partner.example',
    propagator: propagators.createPropagator('b3'),
    bagage: true,
  };
  expect(() => createTracedFetch({ propagateTo: [target] })).toThrow(/options\.propagateTo must be/);
  expect(() =>
    startTracing({ serviceName: 'x', sampling: { rules: [{ route: '/', ratoi: 0 } as never] } }),
  ).toThrow(/options\.ratoi does not exist/);
});
