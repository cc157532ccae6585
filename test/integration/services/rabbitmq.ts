import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OwnProcess } from './own-process.ts';
import { answers, freePort } from './port.ts';
import { findProgram, missingProgram } from './program.ts';
import type { Service } from './service.ts';
import { dataFolder, startServer } from './start-server.ts';

const HELLO = 'AMQP\x00\x00\x09\x01';
const METHOD_FRAME = '\x01';

/** RabbitMQ without plugins. */
export const rabbitmq: Service = {
  name: 'rabbitmq',
  missing: () => missingProgram('rabbitmq-server', 'epmd'),
  async start() {
    const [port, distributionPort, epmdPort] = await Promise.all([freePort(), freePort(), freePort()]);
    const folder = dataFolder('rabbitmq');
    writeFileSync(join(folder, 'rabbitmq.conf'), `listeners.tcp.1 = 127.0.0.1:${port}\n`);
    writeFileSync(join(folder, 'plugins'), '[].\n');
    const env = {
      HOME: folder,
      ERL_EPMD_PORT: `${epmdPort}`,
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: `throughline-${port}@localhost`,
      RABBITMQ_NODE_PORT: `${port}`,
      RABBITMQ_DIST_PORT: `${distributionPort}`,
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
    };
    // Erlang's port mapper would be started by the broker and outlive it; started here, it is ours to end.
    const epmd = new OwnProcess({ program: 'epmd', args: ['-port', `${epmdPort}`], folder, env });
    const broker = await startServer({
      url: `amqp://guest:guest@127.0.0.1:${port}`,
      description: 'rabbitmq-server',
      durable: true,
      // What Debian puts on the PATH insists on root or its own user and changes to it.
      program: findProgram('rabbitmq-server', '/usr/lib/rabbitmq/bin') ?? 'rabbitmq-server',
      args: [],
      folder,
      env,
      ready: () => answers(port, Buffer.from(HELLO, 'latin1'), METHOD_FRAME),
    });
    return {
      ...broker,
      async stop() {
        await broker.stop();
        await epmd.stop();
      },
    };
  },
};
