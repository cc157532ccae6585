import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';
import async from 'async';
import Bottleneck from 'bottleneck';
import DataLoader from 'dataloader';
import fastq from 'fastq';
import genericPool from 'generic-pool';
import pLimit from 'p-limit';
import PQueue from 'p-queue';
import PQueue8 from 'p-queue8';
import { debounceTime, Subject } from 'rxjs';
import { as, later, who } from './callers.ts';

/** The helpers, or functions that return what they get. */
export interface Bindings {
  bindCallback<T>(callback: T): T;
  bindEmitter<T extends EventEmitter>(emitter: T): T;
  bindIterable<T extends Iterable<unknown> | AsyncIterable<unknown>>(iterable: T): T;
  detached<T>(fn: () => T): T;
}

/** Caller B passes the boundary, some after A; returns whose context the work saw. */
type Boundary = (bindings: Bindings) => Promise<string>;

type Job = (done: (error: Error | null, saw?: string) => void) => void;

/** Calls back after the caller has gone, as sockets and native code do: in no one's context. */
class Device {
  readonly #events = new EventEmitter();
  read(callback: (value: string) => void): void {
    this.#events.once('value', callback);
  }
  /** The reader. */
  deliver(): void {
    this.#events.emit('value', 'value');
  }
}

/** By the name that the page uses. */
export const BOUNDARIES: Readonly<Record<string, Boundary>> = {
  '`await`, `then`': async () => as('B', () => Promise.resolve().then(who)),
  '`setTimeout`, `setImmediate`, `queueMicrotask`': async () => {
    const saw = later<string>();
    as('B', () => setTimeout(() => setImmediate(() => queueMicrotask(() => saw.resolve(who()))), 1));
    return saw.promise;
  },
  '`events.once`, awaited': async () => {
    const bus = new EventEmitter();
    const saw = as('B', async () => {
      await once(bus, 'ready');
      return who();
    });
    bus.emit('ready');
    return saw;
  },
  'a callback that a device, a driver or a pool keeps': async ({ bindCallback }) => {
    const device = new Device();
    const saw = later<string>();
    as('B', () => device.read(bindCallback(() => saw.resolve(who()))));
    device.deliver();
    return saw.promise;
  },
  'a listener of an emitter': async ({ bindEmitter }) => {
    const parser = new EventEmitter();
    const saw = later<string>();
    as('B', () => bindEmitter(parser).once('field', () => saw.resolve(who())));
    parser.emit('field');
    return saw.promise;
  },
  'a listener of an event bus that others emit on': async ({ bindEmitter }) => {
    const bus = bindEmitter(new EventEmitter());
    const saw = later<string>();
    as('B', () => bus.on('order', () => saw.resolve(who())));
    as('A', () => bus.emit('order'));
    return saw.promise;
  },
  'a listener of an `EventTarget`': async ({ bindCallback }) => {
    const target = new EventTarget();
    const saw = later<string>();
    as('B', () =>
      target.addEventListener(
        'order',
        bindCallback(() => saw.resolve(who())),
      ),
    );
    as('A', () => target.dispatchEvent(new Event('order')));
    return saw.promise;
  },
  'the body of an async generator': async ({ bindIterable }) => {
    async function* rows() {
      yield 1;
      yield who();
    }
    const iterator = as('B', () => bindIterable(rows()));
    const read = async () => {
      await iterator.next();
      return String((await iterator.next()).value);
    };
    return as('A', read);
  },
  'a stream of an async generator': async ({ bindIterable }) => {
    let saw = '';
    async function* rows() {
      for (let i = 0; i < 40; i++) {
        yield 'row';
        saw = who();
      }
    }
    const source = as('B', () => Readable.from(bindIterable(rows()), { highWaterMark: 1 }));
    await as('A', () =>
      pipeline(source, async (read: AsyncIterable<string>) => {
        for await (const _ of read) await turn();
      }),
    );
    return saw;
  },
  '`p-queue`': async ({ bindCallback }) => {
    const queue = new PQueue({ concurrency: 1 });
    const first = as('A', () => queue.add(() => turn()));
    const saw = as('B', () => queue.add(bindCallback(async () => who())));
    await first;
    return saw;
  },
  '`p-queue` 8': async ({ bindCallback }) => {
    const queue = new PQueue8({ concurrency: 1 });
    const first = as('A', () => queue.add(() => turn()));
    const saw = as('B', () => queue.add(bindCallback(async () => who())));
    await first;
    return String(await saw);
  },
  '`p-limit`': async ({ bindCallback }) => {
    const limit = pLimit(1);
    const first = as('A', () => limit(() => turn()));
    const saw = as('B', () => limit(bindCallback(async () => who())));
    await first;
    return saw;
  },
  '`bottleneck`': async ({ bindCallback }) => {
    const limiter = new Bottleneck({ maxConcurrent: 1 });
    const first = as('A', () => limiter.schedule(() => turn()));
    const saw = as('B', () => limiter.schedule(bindCallback(async () => who())));
    await first;
    return saw;
  },
  '`fastq`': async ({ bindCallback }) => {
    const queue = fastq<unknown, Job, string>((job, done) => job(done), 1);
    const saw = later<string>();
    as('A', () => queue.push((done) => setImmediate(done, null)));
    as('B', () =>
      queue.push(
        bindCallback<Job>((done) => done(null, who())),
        (_, result) => saw.resolve(String(result)),
      ),
    );
    return saw.promise;
  },
  '`async.queue`': async ({ bindCallback }) => {
    const queue = async.queue<Job, string, Error>((job, done) => job(done), 1);
    const saw = later<string>();
    as('A', () => queue.push<string>((done) => setImmediate(done, null)));
    as('B', () =>
      queue.push<string, Error>(
        bindCallback<Job>((done) => done(null, who())),
        (_, result) => saw.resolve(String(result)),
      ),
    );
    return saw.promise;
  },
  '`generic-pool`: after `await pool.acquire()`': async () => {
    const pool = genericPool.createPool({ create: async () => ({}), destroy: async () => {} }, { max: 1 });
    const held = await as('A', () => pool.acquire());
    const saw = as('B', async () => {
      await pool.acquire();
      return who();
    });
    await as('A', () => pool.release(held));
    return saw;
  },
  'a connection of `generic-pool`, made while another caller waited': async ({ detached }) => {
    const create = async () =>
      detached(() => {
        const events = new EventEmitter();
        setImmediate(() => events.emit('heartbeat', who()));
        return events;
      });
    const pool = genericPool.createPool({ create, destroy: async () => {} }, { max: 1 });
    const connection = await as('A', () => pool.acquire());
    return (await once(connection, 'heartbeat'))[0];
  },
  '`DataLoader`: its batch function': async () => {
    let saw = '';
    const loader = new DataLoader<number, number>(async (keys) => {
      saw = who();
      return keys;
    });
    await Promise.all([as('A', () => loader.load(1)), as('B', () => loader.load(2))]);
    return saw;
  },
  'an RxJS observer': async ({ bindCallback }) => {
    const orders = new Subject<void>();
    const saw = later<string>();
    as('B', () => orders.pipe(debounceTime(1)).subscribe(bindCallback(() => saw.resolve(who()))));
    as('A', () => orders.next());
    return saw.promise;
  },
};
