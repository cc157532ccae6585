import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface ServerOptions {
  /** How messages call it. */
  readonly name: string;
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** A URL that answers 2xx once the server can be used. */
  readonly ready: string;
  /** Milliseconds. @default 60_000 */
  readonly deadline?: number;
}

export interface ServerProcess {
  readonly pid: number;
  /** What it wrote to stdout and stderr last. */
  log(): string;
  /** Asks the server to end with SIGTERM and resolves when it has; one that does not within 15 s is killed. */
  stop(): Promise<void>;
}

const LOG_KEPT = 8_000;
const STOP_DEADLINE = 15_000;
/** Servers that end gracefully wait for connections on which something more could come. */
export const ONCE = { connection: 'close' };
/** Between two looks whether it answers. */
const LOOK_AGAIN = 100;

/**
 * Starts a server in a process group of its own, and resolves when it answers.
 *
 * @throws Error with its last output when it ends before, or does not answer in time.
 */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { name, command, args = [], ready, deadline = 60_000 } = options;
  const child = spawn(command, args, {
    env: { ...process.env, ...options.env },
    ...(options.cwd && { cwd: options.cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-LOG_KEPT);
    });
  const server: ServerProcess = { pid: child.pid ?? 0, log: () => output, stop: () => stop(child) };
  const ended = Promise.race([
    once(child, 'exit').then(([code, signal]) => `ended with ${code ?? signal}`),
    once(child, 'error').then(([error]) => `could not be started: ${error.message}`),
  ]);
  const failure = await Promise.race([ended, answers(ready, deadline)]);
  if (failure === undefined) return server;
  await server.stop();
  throw new Error(`${name} ${failure}\n${output}`);
}

/** Resolves with nothing once `url` answers, or with what is wrong after the deadline. */
async function answers(url: string, deadline: number): Promise<string | undefined> {
  const end = performance.now() + deadline;
  while (performance.now() < end) {
    const answer = await fetch(url, { headers: ONCE, signal: AbortSignal.timeout(2_000) }).catch(
      () => undefined,
    );
    await answer?.arrayBuffer();
    if (answer?.ok) return undefined;
    await delay(LOOK_AGAIN);
  }
  return `did not answer at ${url} within ${deadline / 1000} s`;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  signalGroup(child.pid, 'SIGTERM');
  const timer = setTimeout(signalGroup, STOP_DEADLINE, child.pid, 'SIGKILL');
  await ended;
  clearTimeout(timer);
}

function signalGroup(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch (error) {
    // It ended on its own in between.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/**
 * Picks ports that are free now.
 *
 * They lie below the range from which Linux takes client ports (32768 on), or a connection of somebody else's
 * could take one before the server does.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
