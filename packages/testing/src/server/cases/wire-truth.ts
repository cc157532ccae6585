import assert from 'node:assert/strict';
import { assertErrorType } from '../../kit/trace-assertions.ts';
import type { HttpServerCase, HttpServerWorld } from '../http-server-case.ts';
import { RESET } from '../http-server-endpoints.ts';

const BYTES = 'content-type: application/octet-stream';

/** Asserts that the next SERVER span has this status, and this `error.type`. */
async function assertReported(
  world: HttpServerWorld,
  status: number | undefined,
  error?: string,
): Promise<void> {
  const span = await world.serverSpan();
  assert.equal(span.attributes['http.response.status_code'], status);
  assertErrorType(span, error);
}

/** Wraps each request before the application gets it. The response stays: Node needs its own. */
function wrapRequests(world: HttpServerWorld, wrap: (req: object) => object): void {
  const { server } = world.served;
  const listeners = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (req: object, res: object) => {
    for (const listener of listeners) Reflect.apply(listener, server, [wrap(req), res]);
  });
}

export const wireTruthCases: readonly HttpServerCase[] = [
  {
    name: 'leaves nothing on a connection, however many requests it serves or queues',
    needs: ['http1', 'nodeServer'],
    async run(world) {
      const one = 'GET /listeners-of-connection HTTP/1.1\r\nhost: a.test\r\n';
      const answers = await world.bytes(`${`${one}\r\n`.repeat(30)}${one}connection: close\r\n\r\n`);
      const counts = [...answers.matchAll(/<(\d+)>/g)].map(([, count]) => Number(count));
      assert.equal(counts.length, 31);
      assert.equal(counts.at(-1), counts[1], 'the listeners of the connection do not become more');
      for (let n = 0; n < 31; n += 1) await assertReported(world, 200);
    },
  },
  {
    name: 'reports no status for an answer that was given when the client had left',
    needs: ['cutBody', 'nodeServer'],
    async run(world) {
      const client = world.keepAlive();
      await client.send('/items/1').response;
      await assertReported(world, 200);
      for (const sender of [world, client]) {
        const exchange = sender.send('/answers-aborted', {
          method: 'POST',
          headers: { 'content-type': 'application/octet-stream', 'x-request': sender === world ? '1' : '2' },
          body: 'first',
          endless: true,
        });
        await world.sighted('data', sender === world ? '1' : '2');
        exchange.abort();
        await assertReported(world, undefined, world.errorTypes.clientDisconnected);
      }
    },
  },
  {
    name: 'does not blame the client for an upstream that was reset',
    async run(world) {
      const exchange = world.send('/upstream-resets');
      await exchange.chunk();
      world.gate('break').open();
      await assert.rejects(exchange.response);
      await assertReported(world, 200, RESET.code);
    },
  },
  {
    name: 'reports the status that the server itself answers a malformed body with, and no error',
    needs: ['http1', 'nodeServer'],
    async run(world) {
      const received = await world.bytes([
        `POST /listeners HTTP/1.1\r\nhost: a.test\r\n${BYTES}\r\ntransfer-encoding: chunked\r\n\r\n`,
        'zz\r\n',
      ]);
      assert.match(received, /^HTTP\/1\.1 400/);
      await assertReported(world, 400);
    },
  },
  {
    name: 'ends the span with 101 when the connection changes its protocol, while the connection lives',
    needs: ['http1', 'nodeServer'],
    async run(world) {
      const received = world.bytes(
        'GET /switches HTTP/1.1\r\nhost: a.test\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n',
      );
      // The status is compared with the wire when all is read.
      const span = await world.serverSpan();
      world.gate('hang-up').open();
      assert.match(await received, /^HTTP\/1\.1 101/);
      assert.equal(span.attributes['http.response.status_code'], 101);
      assertErrorType(span, undefined);
    },
  },
  {
    name: 'knows a request by its role when a tool has wrapped it',
    needs: ['outerSpan'],
    async run(world) {
      wrapRequests(world, (req) => new Proxy(req, {}));
      const { text } = await world.get('/listeners', {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream' },
        body: 'hello',
      });
      assert.equal(text, '5');
      await assertReported(world, 200);
    },
  },
  {
    name: 'ends the span when a tool puts back the emit of the response',
    needs: ['nodeServer'],
    async run(world) {
      const { text } = await world.get('/puts-emit-back');
      assert.equal(text, 'alone');
      await assertReported(world, 200);
    },
  },
];
