import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A program of `test/programs` that runs in a process of its own. */
export interface Program {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves once its stdout contains `word`; rejects when it ends before that. */
  said(word: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
    /** Milliseconds since the last `kill()`, or since the start. */
    readonly after: number;
  }>;
}

/** Where the programs are: copied into an installation with another SDK, they are tested there. */
const FOLDER = process.env.PROGRAMS_FOLDER ?? join(import.meta.dirname, 'programs');

const running = new Set<() => void>();

/** Ends what a failed test left behind. */
export function killPrograms(): void {
  for (const kill of running) kill();
}

export function startProgram(
  name: string,
  env: Record<string, string> = {},
  flags: readonly string[] = [],
): Program {
  const child = spawn(process.execPath, [...flags, join(FOLDER, `${name}.ts`)], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  let since = performance.now();
  let after = 0;
  const kill = () => child.kill('SIGKILL');
  running.add(kill);
  child.once('exit', () => {
    running.delete(kill);
    after = performance.now() - since;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, after }));
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    kill(signal) {
      since = performance.now();
      child.kill(signal);
    },
    async said(word) {
      while (!stdout.includes(word)) {
        const over = await Promise.race([
          once(child.stdout, 'data').then(() => false),
          ended.then(() => true),
        ]);
        if (over && !stdout.includes(word))
          throw new Error(`${name} ended without saying ${word}:\n${stderr}`);
      }
    },
  };
}
