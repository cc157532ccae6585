import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answers, freePort } from './port.ts';
import { findProgram, missingProgram } from './program.ts';
import type { Service } from './service.ts';
import { dataFolder, startServer } from './start-server.ts';

// CONNECT of MQTT 3.1.1 with a clean session and an empty client id.
const CONNECT = Buffer.from('100c00044d515454040200050000', 'hex');
const CONNACK = '\x20\x02\x00\x00';

/** Mosquitto, which speaks MQTT 3.1.1 and 5. */
export const mosquitto: Service = {
  name: 'mosquitto',
  missing: () => missingProgram('mosquitto'),
  async start() {
    const port = await freePort();
    const folder = dataFolder('mosquitto');
    const configuration = [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'persistence true',
      `persistence_location ${folder}/`,
      // Started as root it becomes the user "mosquitto", who may not write into our folder.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
    ];
    writeFileSync(join(folder, 'mosquitto.conf'), configuration.join('\n'));
    return startServer({
      url: `mqtt://127.0.0.1:${port}`,
      description: 'mosquitto',
      durable: true,
      program: findProgram('mosquitto') ?? 'mosquitto',
      args: ['-c', join(folder, 'mosquitto.conf')],
      folder,
      ready: () => answers(port, CONNECT, CONNACK),
    });
  },
};
