import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

const DEBIAN = '/usr/lib/postgresql';

/** The directory of the newest PostgreSQL of Debian or Ubuntu. */
export const POSTGRES: string | undefined = existsSync(DEBIAN)
  ? readdirSync(DEBIAN)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(DEBIAN, version, 'bin'))
      .find((directory) => existsSync(join(directory, 'initdb')))
  : undefined;

/** A database server on a port of its own, which keeps nothing. */
export interface Postgres {
  readonly config: pg.ClientConfig;
  /** What the server logged: each statement as it arrived. */
  log(): string;
  stop(): Promise<void>;
}

export async function startPostgres(bin: string): Promise<Postgres> {
  const directory = mkdtempSync(join(tmpdir(), 'throughline-postgres-'));
  const data = join(directory, 'data');
  // The server refuses to run as root.
  const user = process.getuid?.() === 0 ? ownerOf(directory) : {};
  execFileSync(join(bin, 'initdb'), ['-A', 'trust', '-N', '-U', 'shop', '-D', data], {
    ...user,
    cwd: directory,
  });
  const port = await freePort();
  const options = [
    'fsync=off',
    'log_statement=all',
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${directory}`,
  ];
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), ...options.flatMap((option) => ['-c', option])],
    { ...user, cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  server.stderr.setEncoding('utf8').on('data', (text) => {
    log += text;
  });
  const config = { host: '127.0.0.1', port, user: 'shop', database: 'postgres' };
  const postgres = { config, log: () => log, stop: () => stop(server, directory) };
  try {
    await untilItAnswers(config, server);
  } catch (error) {
    await postgres.stop();
    throw new Error(`PostgreSQL did not start: ${log}`, { cause: error });
  }
  return postgres;
}

function ownerOf(directory: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  const owner = { uid: id('-u'), gid: id('-g') };
  chownSync(directory, owner.uid, owner.gid);
  return owner;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function untilItAnswers(config: pg.ClientConfig, server: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; await delay(20)) {
    const client = new pg.Client(config);
    client.on('error', () => {});
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (server.exitCode !== null || Date.now() > deadline) throw error;
    }
  }
}

async function stop(server: ChildProcess, directory: string): Promise<void> {
  if (server.exitCode === null) {
    const exit = once(server, 'exit');
    // The fast shutdown, which does not wait for clients.
    server.kill('SIGINT');
    await exit;
  }
  rmSync(directory, { recursive: true, force: true });
}
