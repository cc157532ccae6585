import assert from 'node:assert/strict';
import { assertErrorType } from '../../kit/trace-assertions.ts';
import type { HttpServerCase, HttpServerWorld } from '../http-server-case.ts';
import { BROKEN } from '../http-server-endpoints.ts';

const STATUS = 'http.response.status_code';
const BYTES = { 'content-type': 'application/octet-stream' };

/** Asserts that the next SERVER span reports this status and no failure. */
async function assertServed(world: HttpServerWorld, status: number): Promise<void> {
  const span = await world.serverSpan();
  assert.equal(span.attributes[STATUS], status);
  assertErrorType(span, undefined);
}

/** Asserts that the span stays open while another request is served. */
async function assertStaysOpen(world: HttpServerWorld): Promise<void> {
  const [open] = world.spans.open();
  assert.ok(open, 'the span is open while the response is under way');
  await world.get('/waits');
  const other = await world.serverSpan();
  assert.notEqual(other, open, 'the span is still open after another request was served');
  assert.deepEqual(world.spans.open(), [open]);
}

/** Asserts that the next SERVER span reports a cut for this reason, with the status that was sent, if any. */
async function assertCut(
  world: HttpServerWorld,
  errorType: string | RegExp,
  status: number | undefined,
): Promise<void> {
  const span = await world.serverSpan();
  assert.equal(span.attributes[STATUS], status, 'the status code on the span is the one that was sent');
  assertErrorType(span, errorType);
}

export const lifetimeCases: readonly HttpServerCase[] = [
  {
    name: 'keeps the span open until a streamed body is written to the last byte',
    async run(world) {
      const exchange = world.send('/streamed');
      await exchange.chunk();
      await assertStaysOpen(world);
      world.gate('rest').open();
      assert.equal((await exchange.response).text, 'first last');
      await assertServed(world, 200);
    },
  },
  {
    name: 'keeps the span of an event stream open until the server ends it',
    async run(world) {
      const exchange = world.send('/events');
      await exchange.chunk();
      world.gate('next').open();
      await exchange.chunk();
      await assertStaysOpen(world);
      world.gate('last').open();
      await exchange.response;
      await assertServed(world, 200);
    },
  },
  {
    name: 'ends the span of an event stream when the client leaves',
    async run(world) {
      const exchange = world.send('/events');
      await exchange.chunk();
      exchange.abort();
      await assertCut(world, world.errorTypes.clientDisconnected, 200);
    },
  },
  {
    name: 'ends the span of a large body once, after the socket has drained',
    async run(world) {
      const { text } = await world.get('/drains');
      assert.equal(text.length, 64 * 64 * 1024);
      await assertServed(world, 200);
    },
  },
  {
    name: 'serves HEAD',
    async run(world) {
      const { status, text } = await world.get('/any/1', { method: 'HEAD' });
      assert.equal(`${status}${text}`, '200');
      await assertServed(world, 200);
    },
  },
  {
    name: 'serves 204, a response without a body',
    async run(world) {
      const { status } = await world.get('/status/204');
      assert.equal(status, 204);
      await assertServed(world, 204);
    },
  },
  {
    name: 'serves 304, a response without a body',
    async run(world) {
      const { status } = await world.get('/status/304');
      assert.equal(status, 304);
      await assertServed(world, 304);
    },
  },
  {
    name: 'serves a request that waits for 100 Continue',
    needs: ['http1', 'nodeServer'],
    async run(world) {
      const { text } = await world.get('/listeners', {
        method: 'POST',
        headers: { ...BYTES, expect: '100-continue', 'content-length': '5' },
        body: 'hello',
      });
      assert.equal(text, '5');
      await assertServed(world, 200);
    },
  },
  {
    name: 'ends the span of each request on a kept-alive connection while the connection stays open',
    async run(world) {
      const client = world.keepAlive();
      for (let n = 0; n < 3; n += 1) {
        await client.send('/items/1').response;
        await assertServed(world, 200);
      }
      assert.deepEqual(world.spans.open(), []);
    },
  },
  {
    name: 'serves a request that asks for an upgrade that is not handled',
    needs: ['http1'],
    async run(world) {
      const received = await world.bytes(
        'GET /items/1 HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\nupgrade: unheard-of\r\n\r\n',
      );
      assert.match(received, /^HTTP\/1\.1 200/);
      await assertServed(world, 200);
    },
  },
  {
    name: 'ends the span when the application removes the listeners of req and res',
    needs: ['nodeServer'],
    async run(world) {
      const { text } = await world.get('/removes-listeners');
      assert.equal(text, 'alone');
      await assertServed(world, 200);
    },
  },
  {
    name: 'ends the span once when the answer is sent before the request body is in',
    needs: ['nodeServer'],
    async run(world) {
      const { text } = await world.get('/answers-early', {
        method: 'POST',
        headers: BYTES,
        body: ['some ', 'more'],
      });
      assert.equal(text, 'enough');
      await assertServed(world, 200);
    },
  },
  {
    name: 'ends the span when the client leaves before the response, with no status code, while the handler runs on',
    async run(world) {
      const exchange = world.send('/held');
      await world.gate('held').passed;
      exchange.abort();
      await assertCut(world, world.errorTypes.clientDisconnected, undefined);
      world.gate('release').open();
    },
  },
  {
    name: 'ends the span when the client leaves in the middle of the response, with the status that was sent',
    async run(world) {
      const exchange = world.send('/streamed');
      await exchange.chunk();
      exchange.abort();
      await assertCut(world, world.errorTypes.clientDisconnected, 200);
    },
  },
  {
    name: 'ends the span when the client leaves in the middle of its own request body',
    needs: ['nodeServer'],
    async run(world) {
      const exchange = world.send('/uploads', {
        method: 'POST',
        headers: BYTES,
        body: 'first',
        endless: true,
      });
      await world.sighted('data');
      exchange.abort();
      await assertCut(world, world.errorTypes.clientDisconnected, undefined);
    },
  },
  {
    name: 'ends the span when the client leaves while the framework parses its body',
    needs: ['cutBody'],
    async run(world) {
      const exchange = world.send('/echo', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"a":',
        endless: true,
      });
      await world.sighted('outside');
      // The request head is in; the parser now waits for a body that does not come.
      await new Promise((turn) => setImmediate(turn));
      exchange.abort();
      await assertCut(world, world.errorTypes.clientDisconnected, undefined);
    },
  },
  {
    name: 'says nothing of a client that leaves after the response',
    async run(world) {
      const client = world.keepAlive();
      await client.send('/items/1').response;
      await assertServed(world, 200);
      client.close();
      await world.sighted('close');
    },
  },
  {
    name: 'ends the span of a response that the handler destroyed, with no status code',
    needs: ['nodeServer'],
    async run(world) {
      await assert.rejects(world.get('/destroys'));
      await assertCut(world, world.errorTypes.destroyed, undefined);
    },
  },
  {
    name: 'names the error that a response was destroyed with',
    needs: ['nodeServer'],
    async run(world) {
      await assert.rejects(world.get('/destroys-with-error'));
      await assertCut(world, BROKEN.code, undefined);
    },
  },
  {
    name: 'names the error that a response was destroyed with in the middle, and keeps the status that was sent',
    async run(world) {
      const exchange = world.send('/destroys-midway');
      await exchange.chunk();
      world.gate('break').open();
      await assert.rejects(exchange.response);
      await assertCut(world, BROKEN.code, 200);
    },
  },
  {
    name: 'marks a response whose body stream failed in the middle, and keeps the status that was sent',
    needs: ['streamErrors'],
    async run(world) {
      const exchange = world.send('/broken-stream');
      await exchange.chunk();
      world.gate('break').open();
      await assert.rejects(exchange.response);
      await assertCut(world, /^[\w.]+$/, 200);
    },
  },
  {
    name: 'ends the span when the server times the connection out, and lets it time out',
    needs: ['serverTimeout'],
    async run(world) {
      world.served.server.setTimeout(60);
      await assert.rejects(world.get('/held'));
      await assertCut(world, world.errorTypes.timeout, undefined);
    },
  },
  {
    name: 'ends every span when the server cuts its connections with requests in flight',
    needs: ['nodeServer'],
    async run(world) {
      for (let n = 0; n < 3; n += 1) world.send('/held', { headers: { 'x-request': String(n) } });
      for (let n = 0; n < 3; n += 1) await world.sighted('handler', String(n));
      world.cutConnections();
      for (let n = 0; n < 3; n += 1) await assertCut(world, /^[\w.]+$/, undefined);
    },
  },
];
