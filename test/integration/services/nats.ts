import { answers, freePort } from './port.ts';
import { findProgram, missingProgram } from './program.ts';
import type { Service } from './service.ts';
import { dataFolder, startServer } from './start-server.ts';

/** NATS with JetStream. */
export const nats: Service = {
  name: 'nats',
  missing: () => missingProgram('nats-server'),
  async start() {
    const port = await freePort();
    const folder = dataFolder('nats');
    return startServer({
      url: `nats://127.0.0.1:${port}`,
      description: 'nats-server with JetStream',
      durable: true,
      program: findProgram('nats-server') ?? 'nats-server',
      args: ['-a', '127.0.0.1', '-p', `${port}`, '-js', '-sd', folder],
      folder,
      ready: () => answers(port, '', 'INFO '),
    });
  },
};
