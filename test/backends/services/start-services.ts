import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { RecordedSpan } from '../recorded-span.ts';

export interface Services {
  readonly front: string;
  readonly edge: string;
  /** Ends all three, the last spans exported, and returns what each of them recorded at its own end. */
  finish(): Promise<RecordedSpan[]>;
  /** Ends them at once, for a test that has failed. */
  kill(): void;
}

/**
 * Starts the three services, `edge → front → back`, each in a process of its own.
 *
 * @param env What to add to the environment of the service named.
 * @param between Puts something between front and back: gets back's URL, returns the one that front is to call.
 * @throws Error with its stderr when one does not start.
 */
export async function startServices(
  env: (service: string) => NodeJS.ProcessEnv,
  between: (back: string) => Promise<string> = async (back) => back,
): Promise<Services> {
  const children: ChildProcess[] = [];
  const kill = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  const start = async (name: string, more: NodeJS.ProcessEnv = {}) => {
    const child = fork(join(import.meta.dirname, 'service.ts'), [name], {
      env: { ...process.env, ...env(name), ...more },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    children.push(child);
    const [message] = await once(child, 'message', { signal: AbortSignal.timeout(20_000) });
    return (message as { url: string }).url;
  };
  try {
    const back = await start('back');
    const front = await start('front', { BACK_URL: await between(back) });
    const edge = await start('edge', { FRONT_URL: front });
    return {
      front,
      edge,
      kill,
      async finish() {
        const records: RecordedSpan[] = [];
        // From the one that calls to those it calls: nobody loses a callee in the middle of a request.
        for (const child of children.toReversed()) {
          const answer = once(child, 'message', { signal: AbortSignal.timeout(20_000) });
          const ended = once(child, 'exit');
          child.send('finish');
          const [{ recorded }] = (await answer) as [{ recorded: RecordedSpan[] }];
          records.push(...recorded);
          await ended;
        }
        return records;
      },
    };
  } catch (error) {
    kill();
    throw error;
  }
}
