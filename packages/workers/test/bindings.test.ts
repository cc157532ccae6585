import { EventEmitter, once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MessageChannel } from 'node:worker_threads';
import { context, DiagLogLevel, diag } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { bindCallback, bindEmitter, bindIterable } from '@throughline/workers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { as, who } from './callers.ts';

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

describe('bindCallback', () => {
  test('passes this and the arguments on, returns the result, and keeps the number of parameters', () => {
    const bound = as('B', () =>
      bindCallback(function (this: { factor: number }, a: number, b: number) {
        return `${who()} ${this.factor * (a + b)}`;
      }),
    );
    expect(bound.call({ factor: 2 }, 3, 4)).toBe('B 14');
    expect(bound).toHaveLength(2);
  });

  test('throws what the callback throws', () => {
    const error = new Error('mine');
    const bound = bindCallback(() => {
      throw error;
    });
    expect(bound).toThrow(error);
  });

  test.each([undefined, null, 'text', {}])('returns %j as it is', (value) => {
    expect(bindCallback(value)).toBe(value);
  });

  test('leaves the context of the code that calls as it was', () => {
    const bound = as('B', () => bindCallback(who));
    expect(as('A', () => [bound(), who()])).toEqual(['B', 'A']);
  });
});

describe('bindEmitter', () => {
  const ADDING = ['on', 'addListener', 'prependListener', 'once', 'prependOnceListener'] as const;

  test.each(ADDING)('%s adds one listener, which runs in the context in which it was added', (add) => {
    const emitter = bindEmitter(new EventEmitter());
    const saw: unknown[] = [];
    const listener = function (this: unknown, value: number) {
      saw.push(who(), value, this === emitter);
    };
    expect(as('B', () => emitter[add]('event', listener))).toBe(emitter);
    expect(emitter.listenerCount('event')).toBe(1);
    expect(emitter.listeners('event')).toEqual([listener]);
    as('A', () => emitter.emit('event', 7));
    expect(saw).toEqual(['B', 7, true]);
    expect(emitter.listenerCount('event')).toBe(add.toLowerCase().includes('once') ? 0 : 1);
  });

  test.each(ADDING)('off and removeListener take the original of %s', (add) => {
    const emitter = bindEmitter(new EventEmitter());
    const removed: unknown[] = [];
    emitter.on('removeListener', (_, listener) => removed.push(listener));
    const [first, second] = [vi.fn(), vi.fn()];
    emitter[add]('event', first);
    emitter[add]('event', second);
    emitter.off('event', first);
    emitter.removeListener('event', second);
    emitter.emit('event');
    expect(removed).toEqual([first, second]);
    expect(first).not.toHaveBeenCalled();
    expect(second).not.toHaveBeenCalled();
  });

  test('the order of listeners and what newListener gets are as without', () => {
    const emitter = bindEmitter(new EventEmitter());
    const added: unknown[] = [];
    const order: number[] = [];
    const push = (number: number) => () => order.push(number);
    const listeners = [push(1), push(2), push(3)] as const;
    emitter.on('newListener', (_, listener) => added.push(listener));
    emitter.on('event', listeners[0]);
    emitter.prependListener('event', listeners[1]);
    emitter.prependOnceListener('event', listeners[2]);
    emitter.emit('event');
    emitter.emit('event');
    expect(order).toEqual([3, 2, 1, 2, 1]);
    expect(added).toEqual(listeners);
  });

  test('a once listener that emits the event again runs once', () => {
    const emitter = bindEmitter(new EventEmitter());
    const listener = vi.fn(() => emitter.emit('event'));
    emitter.once('event', listener);
    emitter.emit('event');
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test('a listener that was added twice is removed once', () => {
    const emitter = bindEmitter(new EventEmitter());
    const listener = vi.fn();
    emitter.on('event', listener).on('event', listener).off('event', listener);
    emitter.emit('event');
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test('binding twice, and a class whose addListener calls its on, wrap a listener once', () => {
    class Own extends EventEmitter {
      override addListener(event: string, listener: (...args: unknown[]) => void): this {
        return this.on(event, listener);
      }
    }
    const emitter = bindEmitter(bindEmitter(new Own()));
    const listener = vi.fn();
    emitter.addListener('event', listener);
    emitter.off('event', listener);
    expect(emitter.listenerCount('event')).toBe(0);
  });

  test('the emitter refuses what is no listener with its own error', () => {
    const emitter = bindEmitter(new EventEmitter());
    for (const add of ADDING)
      expect(() => emitter[add]('event', 'text' as never)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
      );
  });

  test('the class, other emitters and the visible members stay as they were', () => {
    const emitter = bindEmitter(new EventEmitter());
    expect(new EventEmitter().on).toBe(EventEmitter.prototype.on);
    expect(Object.keys(emitter)).toEqual(Object.keys(new EventEmitter()));
  });

  test('streams flow, pipe and finish, and leave no listener behind', async () => {
    const source = bindEmitter(Readable.from(['a', 'b']));
    const through = bindEmitter(new PassThrough({ encoding: 'utf8' }));
    const saw = new Set<string>();
    as('B', () => through.on('data', () => saw.add(who())));
    await as('A', () => pipeline(source, through));
    expect([...saw]).toEqual(['B']);
    expect(source.listenerCount('data')).toBe(0);
  });

  test('events.once and an error event work', async () => {
    const emitter = bindEmitter(new EventEmitter());
    const waited = once(emitter, 'ready');
    const error = new Error('mine');
    emitter.emit('error', error);
    await expect(waited).rejects.toBe(error);
    expect(emitter.listenerCount('error')).toBe(0);
  });

  test('leaves a frozen emitter and what is no emitter as they were, and reports it', () => {
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    diag.setLogger({ error: log, warn: log, info() {}, debug() {}, verbose() {} }, DiagLogLevel.ALL);
    const { port1 } = new MessageChannel();
    for (const emitter of [Object.freeze(new EventEmitter()), port1, undefined, 'text'])
      expect(bindEmitter(emitter as never)).toBe(emitter);
    expect(Object.hasOwn(port1, 'on')).toBe(false);
    expect(lines.join()).toContain('an event emitter could not be bound');
    diag.disable();
    port1.close();
  });
});

describe('bindIterable', () => {
  async function* rows(seen: string[]): AsyncGenerator<number, string, string | undefined> {
    try {
      seen.push(`start ${who()}`);
      const sent = yield 1;
      seen.push(`sent ${sent} ${who()}`);
      yield 2;
      return 'end';
    } catch (error) {
      seen.push(`caught ${error} ${who()}`);
      return 'caught';
    } finally {
      seen.push(`finally ${who()}`);
    }
  }

  test('next, return and throw reach the generator in its context, and their results the consumer in its own', async () => {
    const seen: string[] = [];
    const generator = as('B', () => bindIterable(rows(seen)));
    await as('A', async () => {
      expect(await generator.next()).toEqual({ value: 1, done: false });
      expect(who()).toBe('A');
      expect(await generator.next('x')).toEqual({ value: 2, done: false });
      expect(await generator.return('early')).toEqual({ value: 'early', done: true });
      const other = as('B', () => bindIterable(rows(seen)));
      await other.next();
      expect(await other.throw('broken')).toEqual({ value: 'caught', done: true });
    });
    expect(seen).toEqual(['start B', 'sent x B', 'finally B', 'start B', 'caught broken B', 'finally B']);
  });

  test('a loop that is left early ends the generator in its context', async () => {
    const seen: string[] = [];
    const generator = as('B', () => bindIterable(rows(seen)));
    await as('A', async () => {
      for await (const _ of generator) break;
    });
    expect(seen).toEqual(['start B', 'finally B']);
  });

  test('an error of the generator reaches the consumer as it was thrown', async () => {
    const error = new Error('mine');
    async function* failing() {
      yield 1;
      throw error;
    }
    const generator = bindIterable(failing());
    await generator.next();
    await expect(generator.next()).rejects.toBe(error);
  });

  test('binds synchronous generators, and objects that make an iterator each time', async () => {
    const sync = as('B', () =>
      bindIterable(
        (function* () {
          yield who();
          yield who();
        })(),
      ),
    );
    expect(as('A', () => [...sync])).toEqual(['B', 'B']);
    const many = as('B', () => bindIterable({ [Symbol.asyncIterator]: () => rows([who()]) }));
    for (let run = 0; run < 2; run++) {
      const values: number[] = [];
      for await (const value of many) values.push(value);
      expect(values).toEqual([1, 2]);
    }
  });

  test('a generator inside another is bound through yield*', async () => {
    const inner = as('B', () => bindIterable(rows([])));
    async function* outer() {
      return yield* inner;
    }
    const iterator = outer();
    await iterator.next();
    await iterator.next();
    expect(await iterator.next()).toEqual({ value: 'end', done: true });
  });

  test('the original is not changed', () => {
    const original = rows([]);
    bindIterable(original);
    expect(Reflect.ownKeys(original)).toEqual([]);
  });
});
