import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { activeContext } from '@throughline/core';
import { exchangeOf, traceListener } from '@throughline/http';
import { afterEach, expect, it } from 'vitest';

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Serves one request, and returns when it has closed. */
async function serve(listener: RequestListener): Promise<void> {
  let closed: Promise<unknown> | undefined;
  const server = createServer((req, res) => {
    closed = once(req, 'close');
    listener(req, res);
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.resume();
  socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  await once(socket, 'close');
  await closed;
}

/**
 * The binding emits the `end` of a request that no one has read outside of the context, because its one listener is
 * Node's own. That is a fact of Node, so this test runs on every line of it.
 */
it('finds no other listener than one of Node for the end of a request that was answered unread', async () => {
  let before = -1;
  let after: string[] = [];
  await serve((req, res) => {
    const emit = req.emit;
    req.emit = function watched(this: IncomingMessage, ...args: Parameters<typeof emit>) {
      if (args[0] === 'end') after = req.listeners('end').map(({ name }) => name);
      return Reflect.apply(emit, this, args);
    };
    res.once('finish', () => {
      before = req.listenerCount('end');
    });
    res.end('x');
  });
  expect(before).toBeLessThanOrEqual(1);
  expect(after).toEqual(['clearIncoming']);
});

it('runs a listener for that end in the context, even one added behind the finished response', async () => {
  let inContext: boolean | undefined;
  await serve(
    traceListener((req, res) => {
      const { context } = exchangeOf(req) as { context: unknown };
      res.once('finish', () => req.once('end', () => (inContext = activeContext() === context)));
      res.end('x');
    }),
  );
  expect(inContext).toBe(true);
});
