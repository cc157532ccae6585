import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { cached } from './cache.ts';
import { answers, freePort } from './port.ts';
import { missingProgram } from './program.ts';
import type { Service } from './service.ts';
import { dataFolder, startServer } from './start-server.ts';

const VERSION = '5.2.5';

/** Moto's server, an emulator of SQS and SNS. It keeps everything in memory: a restart empties it. */
export const moto: Service = {
  name: 'moto',
  missing: () => missingProgram('python3') ?? (hasPip() ? undefined : 'python3 has no pip'),
  async start() {
    // The extra "server" would bring every service's needs, twice as much; these two are what SQS and SNS import.
    const packages = await cached(`moto-${VERSION}`, async (folder) => {
      await promisify(execFile)('python3', [
        ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', folder],
        ...[`moto==${VERSION}`, 'flask', 'flask-cors'],
      ]);
    });
    const port = await freePort();
    return startServer({
      url: `http://127.0.0.1:${port}`,
      description: `moto ${VERSION}`,
      durable: false,
      program: 'python3',
      args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', `${port}`],
      folder: dataFolder('moto'),
      env: { PYTHONPATH: packages },
      ready: () => answers(port, 'GET /moto-api/ HTTP/1.0\r\n\r\n', 'HTTP/1.'),
    });
  },
};

function hasPip(): boolean {
  return spawnSync('python3', ['-m', 'pip', '--version']).status === 0;
}
