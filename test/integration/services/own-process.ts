import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Its working folder; what it prints goes to `output.log` in there. */
  readonly folder: string;
  readonly env?: NodeJS.ProcessEnv;
}

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;

/** A server of ours, in a process group of its own so that whatever it starts ends with it. */
export class OwnProcess {
  readonly #pid: number;
  readonly #command: Command;
  readonly #exited: Promise<unknown>;
  #running = true;

  constructor(command: Command) {
    const log = openSync(join(command.folder, 'output.log'), 'a');
    const child = spawn(command.program, command.args, {
      cwd: command.folder,
      env: { ...process.env, ...command.env },
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.#command = command;
    this.#pid = child.pid ?? 0;
    this.#exited = once(child, 'exit').catch(() => {});
    this.#exited.then(() => {
      this.#running = false;
    });
    note(this.#pid);
  }

  /** What it printed so far, over all its starts in this folder. */
  output(): string {
    return readFileSync(join(this.#command.folder, 'output.log'), 'utf8');
  }

  /** Waits until `ready` says so; throws with what the process printed when it ended before or took too long. */
  async until(ready: () => boolean | Promise<boolean>): Promise<void> {
    const limit = Date.now() + START_LIMIT_MS;
    while (!(await ready())) {
      if (!this.#running || Date.now() > limit) {
        const problem = this.#running ? `was not ready after ${START_LIMIT_MS} ms` : 'ended while it started';
        await this.stop();
        throw new Error(`${this.#command.program} ${problem}:\n${this.output().slice(-2000)}`);
      }
      await delay(25);
    }
  }

  /** Asks it to end and waits; what has not ended in good time is killed. */
  async stop(): Promise<void> {
    if (this.#running) {
      signalGroup(this.#pid, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(this.#pid, 'SIGKILL'), STOP_LIMIT_MS);
      await this.#exited;
      clearTimeout(timer);
    }
    signalGroup(this.#pid, 'SIGKILL');
    forget(this.#pid);
  }
}

/** Kills what tests started in this run and did not stop, because their process was ended first. */
export function killLeftovers(runFolder: string): void {
  for (const file of readdirSync(runFolder)) {
    if (file.endsWith('.pid')) {
      signalGroup(Number.parseInt(file, 10), 'SIGKILL');
    }
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    if (pid > 0) {
      process.kill(-pid, signal);
    }
  } catch {
    // Nobody is left in the group.
  }
}

function note(pid: number): void {
  if (process.env.TL_RUN_FOLDER) {
    writeFileSync(join(process.env.TL_RUN_FOLDER, `${pid}.pid`), '');
  }
}

function forget(pid: number): void {
  if (process.env.TL_RUN_FOLDER) {
    rmSync(join(process.env.TL_RUN_FOLDER, `${pid}.pid`), { force: true });
  }
}
