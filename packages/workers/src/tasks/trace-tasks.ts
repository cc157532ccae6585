import { guarded, Scope } from '@throughline/core/seam';
import { enclose } from '../messages/envelope.ts';
import { method, replaceMethods } from '../replace-methods.ts';

/** A pool of threads or processes with a method `run`. */
export interface TaskPool {
  run(task: never, options?: never): Promise<unknown>;
}

type Run = (this: unknown, task: unknown, ...rest: unknown[]) => unknown;

const TRACED = Symbol('Throughline traced tasks');
/** The libraries mark tasks by symbols: what of a task is moved instead of copied, and what a queue is to know of it. */
const MARKS = ['Piscina', 'Tinypool'].map((library) => ({
  value: Symbol.for(`${library}.valueOf`),
  transferable: Symbol.for(`${library}.transferable`),
  queueOptions: Symbol.for(`${library}.queueOptions`),
}));

/**
 * Makes a pool of piscina or tinypool send the active context with each task, and returns the pool. The other side is `tracedTask`.
 *
 * Transfer lists, signals and tasks that are moved are passed on. Without a context to send, a task is sent as it is.
 *
 * @throws TypeError when the argument has no method `run`. Never throws afterwards.
 * @example
 * const pool = traceTasks(new Piscina({ filename }));
 */
export function traceTasks<Pool extends TaskPool>(pool: Pool): Pool {
  const { run } = (pool ?? {}) as unknown as { run?: Run };
  if (typeof run !== 'function')
    throw new Scope('workers', 'traceTasks()').error(
      `the argument must be a pool with run(), got ${pool === null ? 'null' : typeof pool}`,
    );
  guarded('the tasks of a pool could not be traced', () =>
    replaceMethods(pool, TRACED, {
      run: method(function runEnclosed(this: unknown, task: unknown, ...rest: unknown[]) {
        return Reflect.apply(run, this, [encloseTask(task), ...rest]);
      }),
    }),
  );
  return pool;
}

function encloseTask(task: unknown): unknown {
  if (typeof task !== 'object' || task === null) return enclose(task);
  for (const { value, transferable, queueOptions } of MARKS) {
    const marked = task as Record<symbol, unknown>;
    if (value in task && transferable in task)
      return Object.create(task, {
        [transferable]: { value: marked[transferable] },
        [value]: { value: enclose(marked[value]) },
      });
    if (queueOptions in task) {
      const enclosed = enclose(task);
      return enclosed === task
        ? task
        : Object.assign(enclosed as object, { [queueOptions]: marked[queueOptions] });
    }
  }
  return enclose(task);
}
