import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, OwnProcess } from './own-process.ts';
import type { RunningService } from './service.ts';

export interface Server extends Command {
  readonly url: string;
  readonly description: string;
  readonly durable: boolean;
  readonly ready: () => Promise<boolean>;
}

/** A folder for one server's data, inside the run's folder when the runner made one. */
export function dataFolder(name: string): string {
  return mkdtempSync(join(process.env.TL_RUN_FOLDER ?? tmpdir(), `${name}-`));
}

/** Starts a server that keeps its data in its folder, and waits until it is ready. */
export async function startServer(server: Server): Promise<RunningService> {
  const launch = async () => {
    const launched = new OwnProcess(server);
    await launched.until(server.ready);
    return launched;
  };
  let current = await launch();
  return {
    url: server.url,
    description: server.description,
    durable: server.durable,
    async restart() {
      await current.stop();
      current = await launch();
    },
    async stop() {
      await current.stop();
      rmSync(server.folder, { recursive: true, force: true });
    },
  };
}
