import { join } from 'node:path';
import { runInContext } from '@throughline/core';
import { tracedTask, traceTasks } from '@throughline/workers';
import { Piscina } from 'piscina';
import { Tinypool } from 'tinypool';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callerIn, FIRST, IN_FIRST, IN_NONE, IN_SECOND, SECOND, startSdk, stopSdk } from './sdk.ts';

beforeAll(startSdk);
afterAll(stopSdk);

const filename = join(import.meta.dirname, 'programs/task.ts');
const THREADS = { filename, minThreads: 1, maxThreads: 1 };

interface Pool {
  run(task: unknown, options?: { name?: string; transferList?: never }): Promise<unknown>;
  destroy(): Promise<void>;
}

describe.each([
  {
    name: 'piscina',
    create: (): Pool => new Piscina(THREADS),
    move: (value: ArrayBuffer) => Piscina.move(value),
  },
  {
    name: 'tinypool, threads',
    create: (): Pool => new Tinypool(THREADS) as Pool,
    move: (value: ArrayBuffer) => Tinypool.move(value as never),
  },
  {
    name: 'tinypool, processes',
    create: (): Pool => new Tinypool({ ...THREADS, runtime: 'child_process' }) as Pool,
    move: undefined,
  },
])('$name', ({ create, move }) => {
  let pool: Pool;
  beforeAll(() => {
    pool = traceTasks(traceTasks(create()));
  });
  afterAll(() => pool.destroy());

  test('runs each task in the context of the code that asked for it', async () => {
    const ask = (traceId: string) => runInContext(callerIn(traceId), () => pool.run({ order: traceId }));
    expect(await Promise.all([ask(FIRST), ask(SECOND), pool.run('none')])).toEqual([
      { task: { order: FIRST }, seen: IN_FIRST },
      { task: { order: SECOND }, seen: IN_SECOND },
      { task: 'none', seen: IN_NONE },
    ]);
  });

  test('delivers a task from a pool that is not traced, and one with a malformed context', async () => {
    const plain = create();
    const untraced = runInContext(callerIn(FIRST), () => plain.run(7));
    expect(await untraced).toEqual({ task: 7, seen: IN_NONE });
    expect(await plain.run({ $trace: { traceparent: 'x' }, data: 7 })).toEqual({ task: 7, seen: IN_NONE });
    await plain.destroy();
  });

  test('passes the error of a task on', async () => {
    const failed = runInContext(callerIn(FIRST), () => pool.run(1, { name: 'failing' }));
    await expect(failed).rejects.toMatchObject({ name: 'RangeError', message: 'mine' });
  });

  if (move !== undefined) {
    test('moves what a transfer list names, and a task that is moved', async () => {
      const listed = new ArrayBuffer(3);
      const moved = new ArrayBuffer(4);
      const results = await Promise.all([
        runInContext(callerIn(FIRST), () => pool.run({ listed }, { transferList: [listed] as never })),
        runInContext(callerIn(SECOND), () => pool.run(move(moved))),
      ]);
      expect([listed.byteLength, moved.byteLength]).toEqual([0, 0]);
      expect(results).toEqual([
        { task: { listed: new ArrayBuffer(3) }, seen: IN_FIRST },
        { task: new ArrayBuffer(4), seen: IN_SECOND },
      ]);
    });
  }
});

test('a queue of piscina finds the options of a task', async () => {
  const asked: unknown[] = [];
  const tasks: object[] = [];
  const taskQueue = {
    get size() {
      return tasks.length;
    },
    shift: () => tasks.shift() ?? null,
    remove: (task: object) => void tasks.splice(tasks.indexOf(task), 1),
    push(task: { [Piscina.queueOptionsSymbol]: unknown } & object) {
      asked.push(task[Piscina.queueOptionsSymbol]);
      tasks.push(task);
    },
  };
  const pool = traceTasks(
    new Piscina({ ...THREADS, taskQueue: taskQueue as never, concurrentTasksPerWorker: 1 }),
  );
  const task = (priority: number) => ({ [Piscina.queueOptionsSymbol]: { priority } });
  await Promise.all(
    [1, 2, 3].map((priority) => runInContext(callerIn(FIRST), () => pool.run(task(priority)))),
  );
  expect(asked).toContainEqual({ priority: 3 });
  await pool.destroy();
});

test.each([undefined, null, 'text', {}])('traceTasks refuses %s, and tracedTask as well', (value) => {
  expect(() => traceTasks(value as never)).toThrow(
    '[throughline/workers] traceTasks(): the argument must be',
  );
  expect(() => tracedTask(value as never)).toThrow(
    '[throughline/workers] tracedTask(): the argument must be',
  );
});
