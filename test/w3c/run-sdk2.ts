// Runs the requirements against the service as a user would install it: packed tarballs and SDK 2, whose API is
// older than the one in this workspace. Needs a build and the registry. Exits 1 when a requirement does not hold.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FRAMEWORKS, SDK_LINES } from '../compat/lines.ts';
import { installPacked } from '../dist/packed-packages.ts';

const sdk2 = SDK_LINES.find(({ name }) => name === 'sdk2');
const installation = await installPacked({ ...FRAMEWORKS, ...sdk2?.packages });
try {
  const folder = join(installation.folder, 'w3c');
  mkdirSync(folder);
  for (const file of ['service.ts', 'tracing.ts', 'package.json']) {
    copyFileSync(join(import.meta.dirname, file), join(folder, file));
  }
  const vitest = spawn('npx', ['vitest', 'run', '--root', import.meta.dirname], {
    stdio: 'inherit',
    env: {
      ...process.env,
      W3C_SERVICE_FOLDER: folder,
      SDK_MODULE: '@opentelemetry/sdk-trace-base',
    },
  });
  [process.exitCode] = await once(vitest, 'exit');
} finally {
  await installation.remove();
}
