import { Scope } from '@throughline/core/seam';
import { runOpened } from '../messages/envelope.ts';

/**
 * Returns a function of a pool's worker that runs each task in the context of the code that asked for it.
 *
 * A task that brings no context runs as without us.
 *
 * @throws TypeError when `task` is no function. Never throws afterwards.
 * @example
 * export default tracedTask(async ({ width }: { width: number }) => resize(width));
 */
export function tracedTask<Task, Result>(task: (task: Task) => Result): (task: Task) => Result {
  if (typeof task !== 'function')
    throw new Scope('workers', 'tracedTask()').error(`the argument must be a function, got ${typeof task}`);
  // The cast: what was enclosed is what was given to `run`.
  return (given) => runOpened(given, (data) => task(data as Task));
}
