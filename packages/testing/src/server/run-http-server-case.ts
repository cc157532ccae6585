import assert from 'node:assert/strict';
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
  HttpServerSetup,
} from './http-server-conformance-options.ts';
import { createEndpoints } from './http-server-endpoints.ts';
import { createServing } from './serving.ts';
import { createSightings, OUTSIDE } from './sightings.ts';
import { createStatusTruth, type StatusTruth } from './status-truth.ts';
import { connect, exchangeBytes, type WireClient } from './wire.ts';

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
  const serving = createServing(options);
  const endpoints = createEndpoints({ sight: sightings.add, gate, fetch: options.fetch });

  const client = (keepAlive: boolean): WireClient => {
    const made = connect(world.origin, keepAlive);
    clients.add(made);
    return noting(made, truth);
  };

  const world: HttpServerWorld = {
    ...base,
    options,
    get origin() {
      return serving.origin;
    },
    get served() {
      return serving.served;
    },
    errors,
    sightings: sightings.list,
    errorTypes: options.errorTypes ?? ERROR_TYPES,
    protocolVersion:
      options.versionSeen === false ? {} : { 'network.protocol.version': options.httpVersion ?? '1.1' },
    outerContext: false,
    start(change = {}) {
      const setup: HttpServerSetup = {
        endpoints,
        traceOptions: change.traceOptions ?? one.traceOptions?.(world) ?? {},
        mounts: change.mounts ?? one.mounts ?? 1,
        fetch: options.fetch,
        noteArrival: (request) => sightings.add(OUTSIDE, request),
        noteError: (error) => errors.push(error),
      };
      return serving.start(setup);
    },
    cutConnections: serving.cutConnections,
    async stop() {
      openAll();
      for (const one of clients) one.close();
      clients.clear();
      await serving.stop();
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
      assert.ok(endpoint, `no endpoint ${template}`);
      return options.routeOf?.(endpoint) ?? template;
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
