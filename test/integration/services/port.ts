import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

// From 32768 on Linux hands ports out to clients: one from there may be taken by the time a server asks for it.
const LOWEST = 20_000;
const BEYOND = 32_768;

/** A loopback port that nobody listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, BEYOND);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    await new Promise((closed) => server.close(closed));
    if (free) {
      return port;
    }
  }
}

/**
 * Whether the server on a port speaks its protocol: it answers `request` with bytes that begin with `expected`. An open
 * port alone says little, because most brokers open it before they can serve.
 */
export async function answers(port: number, request: string | Buffer, expected = ''): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1', timeout: 2000 });
  socket.on('timeout', () => socket.destroy(new Error('no answer')));
  try {
    await once(socket, 'connect');
    socket.write(request);
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    return bytes.toString('latin1').startsWith(expected);
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
