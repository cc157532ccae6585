import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { within } from '../kit/deadline.ts';
import type {
  HttpServerConformanceOptions,
  HttpServerSetup,
  ServedElsewhere,
  ServedHttp,
} from './http-server-conformance-options.ts';
import type { Origin } from './wire.ts';

/** The server of one case. */
export interface Serving {
  /** Throws an `AssertionError` before the start. */
  readonly origin: Origin;
  /** Throws an `AssertionError` when no server of Node is running. */
  readonly served: ServedHttp;
  /** Makes the application and listens. */
  start(setup: HttpServerSetup): Promise<void>;
  stop(): Promise<void>;
  /** Destroys the server's side of every connection. */
  cutConnections(): void;
}

/** Returns the server of one case, not yet started. */
export function createServing(options: HttpServerConformanceOptions): Serving {
  const sockets = new Set<Socket>();
  let served: ServedHttp | ServedElsewhere | undefined;
  let origin: Origin | undefined;
  const cutConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    get origin() {
      assert.ok(origin, 'the server was not started');
      return origin;
    },
    get served() {
      assert.ok(served && 'server' in served, 'no server of Node was started');
      return served;
    },
    async start(setup) {
      served = await within(Promise.resolve(options.serve(setup)), () => 'the application to be made');
      const { scheme = 'http', httpVersion = '1.1' } = options;
      if (!('server' in served)) {
        origin = { scheme, httpVersion, port: served.port };
        return;
      }
      const { server } = served;
      server.on('connection', (socket: Socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
      });
      server.prependListener('request', setup.noteArrival);
      if (!server.listening) {
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
      }
      origin = {
        scheme,
        httpVersion,
        port: (server.address() as AddressInfo).port,
      };
    },
    async stop() {
      if (!served) return;
      if (!('server' in served)) {
        await served.close();
        served = undefined;
        return;
      }
      const { server, close } = served;
      const closed = server.listening ? new Promise((done) => server.close(done)) : undefined;
      cutConnections();
      await close?.();
      await closed;
      served = undefined;
    },
    cutConnections,
  };
}
