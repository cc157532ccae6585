import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { codeBlocks } from '../readme/code-blocks.ts';

const INSTALLATION = join(import.meta.dirname, 'next');
const FOLDER = join(INSTALLATION, 'recipe');
const NEXT = join(INSTALLATION, 'node_modules/next/dist/bin/next');
const ENV = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' };

/** Builds an application of the files on the page about Next.js, and of further routes. */
export async function buildNextApplication(): Promise<void> {
  rmSync(FOLDER, { recursive: true, force: true });
  for (const { code } of codeBlocks('packages/web/docs/next.md')) {
    const [, name] = /^\/\/ (\S+)$/m.exec(code) ?? [];
    if (name === undefined) throw new Error(`a block names no file: ${code}`);
    mkdirSync(join(FOLDER, dirname(name)), { recursive: true });
    // One build serves both forms that the page has: with Next's own spans and without them.
    const ours = code.replace("name === 'next.js'", '!process.env.SPANS_OF_NEXT && $&');
    writeFileSync(join(FOLDER, name), ours);
  }
  cpSync(join(INSTALLATION, 'routes'), join(FOLDER, 'app'), { recursive: true });
  await promisify(execFile)(process.execPath, [NEXT, 'build', FOLDER], { env: ENV });
}

/** An application that is being served. */
export interface NextApplication {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the application that was built, on a free port. */
export async function startNextApplication(env: Readonly<Record<string, string>>): Promise<NextApplication> {
  const args = [NEXT, 'start', FOLDER, '--hostname', '127.0.0.1', '--port', '0'];
  const service = spawn(process.execPath, args, {
    env: { ...ENV, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const url = await readyUrl(service);
  return {
    url,
    async close() {
      const exited = once(service, 'exit');
      service.kill();
      await exited;
    },
  };
}

function readyUrl(service: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = '';
    const look = (chunk: unknown) => {
      printed += chunk;
      const [, url] = /Local:\s+(http:\/\/\S+)/.exec(printed) ?? [];
      if (url !== undefined && printed.includes('Ready')) resolve(url);
    };
    service.stdout?.on('data', look);
    service.stderr?.on('data', look);
    service.once('exit', () => reject(new Error(`Next did not start: ${printed}`)));
  });
}
