import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';

/** A child process that answers commands. */
export class Child {
  /** The port that it listens on. */
  port = 0;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  #next = 0;

  constructor(process: ChildProcess, name: string) {
    this.#process = process;
    process.on('message', ({ id, answer }: { id?: number; answer: unknown }) => {
      if (id === undefined) return;
      this.#waiting.get(id)?.resolve(answer);
      this.#waiting.delete(id);
    });
    process.once('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${name} exited with ${code}`));
      this.#waiting.clear();
    });
  }

  ask<T = unknown>(command: string, argument?: unknown): Promise<T> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
      this.#process.send({ id, command, argument }, (error) => error && reject(error));
    });
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await exit;
  }
}

/** The processor of the programs that are measured, and the one of what loads them; none without `taskset`. */
const MEASURED = 0;
const LOADING = 1;
export const pinned = canPin();

function canPin(): boolean {
  if (cpus().length < 2) return false;
  try {
    execFileSync('taskset', ['-c', '0,1', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Starts a program of `process/` in an installation, or of this folder, and waits until it is ready. */
export async function startChild(
  role: 'measured' | 'loading',
  folder: string,
  program: string,
  args: readonly string[] = [],
  { env = {}, flags = [] }: { env?: Record<string, string>; flags?: readonly string[] } = {},
): Promise<Child> {
  const command = [process.execPath, ...flags, join(folder, 'process', program), ...args];
  const cpu = String(role === 'measured' ? MEASURED : LOADING);
  const [executable = '', ...rest] = pinned ? ['taskset', '-c', cpu, ...command] : command;
  const spawned = spawn(executable, rest, {
    cwd: folder,
    // Nothing of the parent's settings: a NODE_OPTIONS or an OTEL_ variable would change what is measured.
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const name = [program, ...args].join(' ');
  const child = new Child(spawned, name);
  await new Promise<void>((resolve, reject) => {
    const tooLate = setTimeout(() => reject(new Error(`${name} did not start in 30 s`)), 30_000);
    spawned.once('error', reject);
    spawned.once('exit', (code) => reject(new Error(`${name} exited with ${code} before it was ready`)));
    spawned.on('message', ({ ready }: { ready?: number }) => {
      if (ready === undefined) return;
      clearTimeout(tooLate);
      child.port = ready;
      resolve();
    });
  });
  return child;
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
