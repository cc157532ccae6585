import { once } from 'node:events';
import { join } from 'node:path';
import {
  BroadcastChannel,
  MessageChannel,
  type MessagePort,
  Worker,
  type WorkerOptions,
} from 'node:worker_threads';
import { injectContext, runInContext } from '@throughline/core';
import { environmentWithContext, traceMessages } from '@throughline/workers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { callerIn, FIRST, IN_FIRST, IN_NONE, SECOND, SPAN, seen, startSdk, stopSdk } from './sdk.ts';

beforeAll(startSdk);
afterAll(stopSdk);

const workers: Worker[] = [];
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

function start(options: WorkerOptions = {}): Worker {
  const worker = new Worker(join(import.meta.dirname, 'programs/thread.ts'), options);
  workers.push(worker);
  return worker;
}

/** A port as it is; Node's types leave `onmessage` out. */
const asEventTarget = (port: MessagePort) =>
  port as MessagePort & { onmessage: ((event: MessageEvent) => void) | null };

/** Waits for a message, and returns it with what its listener saw. */
function answerFrom(worker: Worker) {
  // biome-ignore lint/suspicious/noExplicitAny: what the program answers
  return new Promise<any>((resolve) => {
    worker.once('message', (answer) => resolve({ ...answer, here: seen() }));
  });
}

describe('a worker thread', () => {
  test('gets the context of each message, and its answer the context of its span', async () => {
    const worker = traceMessages(start());
    for (const traceId of [FIRST, SECOND]) {
      const answer = answerFrom(worker);
      runInContext(callerIn(traceId), () => worker.postMessage({ order: 42 }));
      const { data, seen: there, here } = await answer;
      expect(data).toEqual({ order: 42 });
      expect(there).toMatchObject({ traceId, tenant: 'acme' });
      expect(here).toEqual({ ...there, state: 'a=1' });
      expect(here.spanId).not.toBe(IN_FIRST.spanId);
    }
  });

  test('finds the context in its workerData, beside what the application has put there', async () => {
    const workerData = runInContext(callerIn(FIRST), () => injectContext({ width: 80 }));
    const worker = traceMessages(start({ workerData }));
    const answer = answerFrom(worker);
    worker.postMessage('hello');
    expect(await answer).toMatchObject({ data: 'hello', inherited: IN_FIRST });
  });

  test.each([
    ['finds it in the environment without one in its workerData', { own: 1 }],
    ['prefers its workerData to the environment', { traceparent: `00-${SECOND}-${SPAN}-01` }],
  ])('%s', async (_, workerData) => {
    const env = runInContext(callerIn(FIRST), () => environmentWithContext());
    const worker = traceMessages(start({ workerData, env }));
    const answer = answerFrom(worker);
    worker.postMessage('hello');
    const traceId = 'own' in workerData ? FIRST : SECOND;
    expect((await answer).inherited).toMatchObject({ traceId });
  });

  test('passes the context on with no SDK of its own', async () => {
    const worker = traceMessages(start({ workerData: { sdk: 'off' } }));
    const answer = answerFrom(worker);
    runInContext(callerIn(FIRST), () => worker.postMessage('hello'));
    expect((await answer).here).toEqual(IN_FIRST);
  });

  test('sees nothing of the context without us, and nor does the listener of its answer', async () => {
    const worker = start();
    const { data, here } = await runInContext(callerIn(FIRST), () => {
      const answer = answerFrom(worker);
      worker.postMessage('hello');
      return answer;
    });
    expect(data.inherited).toEqual(IN_NONE);
    expect(data.seen.traceId).not.toBe(FIRST);
    expect(here).toEqual(IN_NONE);
  });

  test('is served as without us by a side that sends no context', async () => {
    const worker = start({ workerData: { own: 1 } });
    const answer = answerFrom(worker);
    worker.postMessage(['plain', undefined, 1n]);
    // The answer of the thread is in an envelope, which only we open.
    const { data } = await answer;
    expect(data).toMatchObject({ data: ['plain', undefined, 1n], inherited: IN_NONE });
  });

  test.each([
    ['no object', { $trace: 'text', data: 1 }, { $trace: 'text', data: 1 }],
    ['no data', { $trace: {} }, { $trace: {} }],
    ['a third member', { $trace: {}, data: 1, own: 2 }, { $trace: {}, data: 1, own: 2 }],
    ['a malformed traceparent', { $trace: { traceparent: '00-0-0-0' }, data: 1 }, 1],
    ['two traceparents', { $trace: { traceparent: ['a', 'b'], TraceParent: 'c' }, data: 1 }, 1],
    ['fields of other types', { $trace: { traceparent: 7, baggage: new Map() }, data: 1 }, 1],
    ['a megabyte of baggage', { $trace: { baggage: `a=${'b'.repeat(1_000_000)}` }, data: 1 }, 1],
  ])('delivers a message with %s, in no trace', async (_, sent, data) => {
    const worker = start();
    const answer = answerFrom(worker);
    worker.postMessage(sent);
    const { data: enclosed } = await answer;
    expect(enclosed.data).toEqual(data);
    expect(enclosed.seen).toMatchObject({ tenant: undefined, state: undefined });
  });

  test('gets a value that looks like an envelope as it was sent', async () => {
    const worker = traceMessages(start());
    const answer = answerFrom(worker);
    worker.postMessage({ $trace: { traceparent: `00-${FIRST}-b7ad6b7169203331-01` }, data: 1 });
    const { data, seen: there } = await answer;
    expect(data).toEqual({ $trace: { traceparent: `00-${FIRST}-b7ad6b7169203331-01` }, data: 1 });
    expect(there.traceId).not.toBe(FIRST);
  });

  test('gets what a transfer list moves', async () => {
    const worker = traceMessages(start());
    const answer = answerFrom(worker);
    const bytes = new Uint8Array([1, 2, 3]);
    runInContext(callerIn(FIRST), () => worker.postMessage({ bytes }, [bytes.buffer]));
    expect(bytes.byteLength).toBe(0);
    expect((await answer).data).toEqual({ bytes: new Uint8Array([1, 2, 3]) });
  });

  test('throws what postMessage throws', () => {
    const worker = traceMessages(start());
    const post = () => runInContext(callerIn(FIRST), () => worker.postMessage(() => {}));
    expect(post).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
    expect(() => Reflect.apply(worker.postMessage, worker, [])).toThrow(TypeError);
  });
});

test('a MessagePort carries the context in both directions', async () => {
  const worker = start();
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ port: port2 }, [port2]);
  traceMessages(port1);
  const answered = new Promise<unknown>((resolve) => {
    asEventTarget(port1).onmessage = (event) => resolve({ ...event.data, here: seen() });
  });
  runInContext(callerIn(FIRST), () => port1.postMessage('hello'));
  expect(await answered).toMatchObject({
    data: 'hello',
    seen: { traceId: FIRST },
    here: { traceId: FIRST, tenant: 'acme' },
  });
  port1.close();
});

test('a BroadcastChannel carries the context to each thread', async () => {
  const threads = [start(), start()].map(traceMessages);
  const ready = threads.map(answerFrom);
  for (const thread of threads) thread.postMessage('are you there?');
  await Promise.all(ready);
  const answers = threads.map(answerFrom);
  const channel = traceMessages(new BroadcastChannel('throughline-test'));
  runInContext(callerIn(FIRST), () => channel.postMessage('all'));
  for (const answer of await Promise.all(answers))
    expect(answer).toMatchObject({ data: 'all', seen: { traceId: FIRST, tenant: 'acme' } });
  channel.close();
});

describe('the listeners of a traced endpoint', () => {
  const enclosed = {
    $trace: { traceparent: `00-${FIRST}-b7ad6b7169203331-01`, baggage: 'tenant=acme' },
    data: 1,
  };

  test.each(['on', 'addListener', 'once'] as const)(
    'of a port, added by %s, get the value and are removed by off',
    async (add) => {
      const { port1, port2 } = new MessageChannel();
      traceMessages(port1);
      const got: unknown[] = [];
      const removed = () => got.push('removed');
      const listener = (value: unknown) => got.push(value, seen().traceId);
      port1[add]('message', removed);
      port1.off('message', removed);
      port1[add]('message', listener);
      const arrived = once(port1, 'message');
      port2.postMessage(enclosed);
      await arrived;
      expect(got).toEqual([1, FIRST]);
      expect(port1.listenerCount('message')).toBe(add === 'once' ? 0 : 1);
      port1.off('message', listener);
      expect(port1.listenerCount('message')).toBe(0);
      port1.close();
    },
  );

  test('of a port, added by addEventListener, get an event with the value, functions and objects alike', async () => {
    const { port1, port2 } = new MessageChannel();
    traceMessages(port1);
    const got: unknown[] = [];
    const object = { handleEvent: (event: MessageEvent) => got.push(event.data, seen().traceId) };
    const removed = () => got.push('removed');
    port1.addEventListener('message', removed);
    port1.removeEventListener('message', removed);
    port1.addEventListener('message', object as never);
    port1.addEventListener('message', ((event: MessageEvent) => {
      got.push(event instanceof MessageEvent, event.type, event.data);
    }) as never);
    port1.start();
    const arrived = once(port1, 'message');
    port2.postMessage(enclosed);
    await arrived;
    expect(got).toEqual([1, FIRST, true, 'message', 1]);
    port1.close();
  });

  test('of a worker, are found by the original, and others are left alone', () => {
    const worker = traceMessages(traceMessages(start()));
    const listener = () => {};
    for (const add of ['on', 'once', 'prependListener', 'prependOnceListener'] as const) {
      worker[add]('message', listener);
      expect(worker.listeners('message')).toEqual([listener]);
      worker.off('message', listener);
      expect(worker.listenerCount('message')).toBe(0);
    }
    worker.on('online', listener);
    expect(worker.rawListeners('online')).toEqual([listener]);
  });

  test('onmessage returns what was assigned, and null removes it', async () => {
    const { port1, port2 } = new MessageChannel();
    const port = asEventTarget(traceMessages(port1));
    const got: unknown[] = [];
    const handler = () => got.push('removed');
    port.onmessage = handler;
    expect(port.onmessage).toBe(handler);
    port.onmessage = null;
    expect(port.onmessage).toBeNull();
    port1.on('message', (value) => got.push(value));
    const arrived = once(port1, 'message');
    port2.postMessage(enclosed);
    await arrived;
    expect(got).toEqual([1]);
    port1.close();
  });
});

test.each([undefined, null, 'text', () => {}, {}])('traceMessages refuses %s', (endpoint) => {
  expect(() => traceMessages(endpoint as never)).toThrow(
    '[throughline/workers] traceMessages(): the argument must be a port, a worker, a channel or a process, got ',
  );
});
