import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { SpanKind } from '@opentelemetry/api';
import { within } from '../kit/deadline.ts';
import { createGates } from '../kit/gate.ts';
import { runStagedCase, type Scene } from '../kit/run-staged-case.ts';
import { register } from '../kit/stage.ts';
import type { CaseWorld } from '../kit/staged-case.ts';
import type { HttpServerCase, HttpServerWorld } from './http-server-case.ts';
import type {
  CutErrorTypes,
  HttpServerConformanceOptions,
  ServedHttp,
} from './http-server-conformance-options.ts';
import { createEndpoints } from './http-server-endpoints.ts';
import { createSightings, OUTSIDE } from './sightings.ts';
import { createStatusTruth, type StatusTruth } from './status-truth.ts';
import { connect, exchangeBytes, type Origin, type WireClient } from './wire.ts';

const ERROR_TYPES: CutErrorTypes = {
  clientDisconnected: 'client_disconnected',
  timeout: 'timeout',
  destroyed: 'response_destroyed',
};

/** Runs one case against a server of its own. */
export function runHttpServerCase(one: HttpServerCase, options: HttpServerConformanceOptions): Promise<void> {
  return runStagedCase(one, options, (base) => createScene(one, options, base));
}

function createScene(
  one: HttpServerCase,
  options: HttpServerConformanceOptions,
  base: CaseWorld,
): Scene<HttpServerWorld> {
  const { gate, openAll } = createGates();
  const sightings = createSightings();
  const truth = createStatusTruth();
  const errors: unknown[] = [];
  const clients = new Set<WireClient>();
  const sockets = new Set<Socket>();
  const endpoints = createEndpoints({ sight: sightings.add, gate, fetch: options.fetch });
  let served: ServedHttp | undefined;
  let origin: Origin | undefined;

  const client = (keepAlive: boolean): WireClient => {
    const made = connect(world.origin, keepAlive);
    clients.add(made);
    return noting(made, truth);
  };

  const world: HttpServerWorld = {
    ...base,
    options,
    get origin() {
      return required(origin, 'the server was not started');
    },
    get served() {
      return required(served, 'the server was not started');
    },
    errors,
    sightings: sightings.list,
    errorTypes: options.errorTypes ?? ERROR_TYPES,
    outerContext: false,
    async start(change = {}) {
      const serving = options.serve({
        endpoints,
        traceOptions: change.traceOptions ?? one.traceOptions?.(world) ?? {},
        mounts: change.mounts ?? one.mounts ?? 1,
        fetch: options.fetch,
        noteError: (error) => errors.push(error),
      });
      served = await within(Promise.resolve(serving), () => 'the application to be made');
      const { server } = served;
      server.on('connection', (socket: Socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
      });
      server.prependListener('request', (req: IncomingMessage) => sightings.add(OUTSIDE, req));
      if (!server.listening) {
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
      }
      origin = {
        scheme: options.scheme ?? 'http',
        httpVersion: options.httpVersion ?? '1.1',
        port: (server.address() as AddressInfo).port,
      };
    },
    cutConnections() {
      for (const socket of sockets) socket.destroy();
    },
    async stop() {
      openAll();
      for (const one of clients) one.close();
      clients.clear();
      if (!served) return;
      const { server, close } = served;
      const closed = server.listening ? new Promise((done) => server.close(done)) : undefined;
      world.cutConnections();
      await close?.();
      await closed;
      served = undefined;
    },
    send: (path, request) => client(false).send(path, request),
    get: (path, request) => client(false).send(path, request).response,
    keepAlive: () => client(true),
    async bytes(pieces) {
      const received = await exchangeBytes(world.origin, pieces);
      for (const [, status] of received.matchAll(/HTTP\/1\.1 (\d{3}) /g)) truth.onWire(Number(status));
      return received;
    },
    gate,
    sighted: sightings.first,
    serverSpan: () => base.spans.take(({ kind }) => kind === SpanKind.SERVER),
    nameOf(method, template) {
      const route = world.routeOf(template);
      return route === undefined ? method : `${method} ${route}`;
    },
    routeOf(template) {
      const { routes = true } = options.capabilities ?? {};
      if (routes !== true) return undefined;
      const endpoint = endpoints.find(({ mounts, path }) => `${mounts.join('')}${path}` === template);
      return options.routeOf?.(required(endpoint, `no endpoint ${template}`)) ?? template;
    },
    registerSdk: () => register(base.parts),
  };

  return {
    world,
    processors: [truth],
    async open() {
      if (!one.manual) await world.start();
    },
    close: () => within(world.stop(), () => 'the server to close'),
    assertClean() {
      truth.assertTruth();
      if (!world.outerContext) sightings.assertNoneOutside();
    },
  };
}

/** Returns a client that records the statuses it receives. */
function noting(client: WireClient, truth: StatusTruth): WireClient {
  return {
    send(path, request) {
      const exchange = client.send(path, request);
      exchange.head.then(
        ({ status }) => truth.onWire(status),
        () => {},
      );
      return exchange;
    },
    close: () => client.close(),
  };
}

function required<T>(value: T | undefined, missing: string): T {
  assert.ok(value !== undefined, missing);
  return value;
}
