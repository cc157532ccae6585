import { answers, freePort } from './port.ts';
import { missingProgram } from './program.ts';
import type { Service } from './service.ts';
import { dataFolder, startServer } from './start-server.ts';

/** Redis, with every write on disk before it is answered. */
export const redis: Service = {
  name: 'redis',
  missing: () => missingProgram('redis-server'),
  async start() {
    const port = await freePort();
    const folder = dataFolder('redis');
    return startServer({
      url: `redis://127.0.0.1:${port}`,
      description: 'redis-server',
      durable: true,
      program: 'redis-server',
      args: [
        ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder],
        ...['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'],
      ],
      folder,
      ready: () => answers(port, 'PING\r\n', '+PONG'),
    });
  },
};
