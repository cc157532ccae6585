import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { wrapClient } from '../src/wrapping/wrap-client.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** A client with the ways in which clients hand themselves back. */
class Client extends EventEmitter {
  readonly #secret = 'secret';
  readonly sent: unknown[] = [];
  onMessage: ((message: string) => unknown) | undefined;
  static made = 0;
  get secret() {
    return this.#secret;
  }
  get self() {
    return this;
  }
  send(message: unknown) {
    this.sent.push([this.#secret, message]);
    return message;
  }
  chain() {
    return this;
  }
  async connect() {
    return this;
  }
  async get() {
    return [this, { status: 'created' }] as const;
  }
  create(callback: (this: unknown, error: null, client: Client) => void) {
    callback.call(this, null, this);
  }
  async fail(callback?: (error: Error) => void): Promise<never> {
    throw Object.assign(new Error('planted'), { callback });
  }
  notify(callback: (error: Error) => void) {
    const failed = Promise.reject(new Error('planted'));
    failed.catch(callback);
    return failed;
  }
}

function wrap(client = new Client()) {
  const traced: unknown[] = [];
  const wrapped = wrapClient(client, {
    send(message: unknown) {
      traced.push(message);
      return client.send(message);
    },
  });
  return { client, wrapped, traced };
}

describe('a client that hands itself back', () => {
  it.each<[string, (wrapped: Client) => unknown]>([
    ['as a result', (wrapped) => wrapped.chain()],
    ['as a property', (wrapped) => wrapped.self],
    ['by promise', (wrapped) => wrapped.connect()],
    ['in a list by promise', async (wrapped) => (await wrapped.get())[0]],
    [
      'as an argument of a callback',
      (wrapped) => new Promise((done) => wrapped.create((_, one) => done(one))),
    ],
    [
      'as this in a callback',
      (wrapped) =>
        new Promise((done) =>
          wrapped.create(function (this: unknown) {
            done(this);
          }),
        ),
    ],
    [
      'as this in a listener',
      (wrapped) =>
        new Promise((done) => {
          wrapped.once('ready', function (this: unknown) {
            done(this);
          });
          wrapped.emit('ready');
        }),
    ],
    [
      'as an argument of a listener',
      (wrapped) =>
        new Promise((done) => {
          wrapped.on('ready', done);
          wrapped.self.emit('ready', wrapped.self);
        }),
    ],
    ['as a result of adding a listener', (wrapped) => wrapped.on('ready', () => {})],
  ])('is the wrapped one %s', async (_how, get) => {
    const { wrapped } = wrap();
    // In a list: a promise would look for `then`.
    const [found] = await Promise.all([Promise.resolve(get(wrapped)).then((one) => [one])]);
    expect(found?.[0] === wrapped).toBe(true);
  });

  it('is the wrapped one also in an event of the original', () => {
    const { client, wrapped } = wrap();
    const listener = vi.fn();
    wrapped.on('ready', listener);
    client.emit('ready', client);
    expect(listener.mock.calls[0]?.[0] === wrapped).toBe(true);
  });

  it('knows a listener again, by whichever way it is asked', () => {
    const { client, wrapped } = wrap();
    const early = vi.fn();
    const late = vi.fn();
    client.on('ready', early);
    wrapped.on('ready', late).once('ready', late);
    expect(wrapped.listeners('ready')).toEqual([early, late, late]);
    wrapped.off('ready', early).removeListener('ready', late).off('ready', late);
    expect(client.listenerCount('ready')).toBe(0);
  });

  it('rejects with the very error', async () => {
    const { wrapped } = wrap();
    await expect(wrapped.fail()).rejects.toThrow('planted');
    await expect(wrapped.fail().finally(() => {})).rejects.toThrow('planted');
  });

  it('leaves a rejection that the client has handled for its caller handled', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    try {
      const callback = vi.fn();
      const promise = wrap().wrapped.notify(callback);
      expect(promise).toBeInstanceOf(Promise);
      await turn();
      await turn();
      expect(callback).toHaveBeenCalledOnce();
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });
});

describe('what is assigned to a wrapped client', () => {
  it.each<
    [string, (wrapped: Client, replacement: (original: Client['send']) => Client['send']) => () => void]
  >([
    [
      'vi.spyOn',
      (wrapped, replacement) => {
        const original = wrapped.send;
        const spy = vi.spyOn(wrapped, 'send').mockImplementation(replacement(original));
        return () => spy.mockRestore();
      },
    ],
    [
      'assignment',
      (wrapped, replacement) => {
        const original = wrapped.send;
        wrapped.send = replacement(original);
        return () => {
          wrapped.send = original;
        };
      },
    ],
    [
      'assignment, taken back by delete',
      (wrapped, replacement) => {
        wrapped.send = replacement(wrapped.send);
        return () => Reflect.deleteProperty(wrapped, 'send');
      },
    ],
    [
      'defineProperty',
      (wrapped, replacement) => {
        const descriptor = Object.getOwnPropertyDescriptor(wrapped, 'send') as PropertyDescriptor;
        Object.defineProperty(wrapped, 'send', { ...descriptor, value: replacement(wrapped.send) });
        return () => Object.defineProperty(wrapped, 'send', descriptor);
      },
    ],
  ])('replaces a traced method once and is restored: %s', (_how, replace) => {
    const { client, wrapped, traced } = wrap();
    const calls: unknown[] = [];
    const original = wrapped.send;
    const restore = replace(wrapped, (send) => (message) => {
      calls.push(message);
      return send.call(wrapped, message);
    });
    expect(wrapped.send('a')).toBe('a');
    expect([calls, traced, client.sent]).toEqual([['a'], ['a'], [['secret', 'a']]]);
    restore();
    expect(wrapped.send).toBe(original);
    wrapped.send('b');
    expect([calls, traced]).toEqual([['a'], ['a', 'b']]);
  });

  it('is called by a spy that calls through, on traced methods and others', async () => {
    const { client, wrapped, traced } = wrap();
    const send = vi.spyOn(wrapped, 'send');
    const connect = vi.spyOn(wrapped, 'connect');
    wrapped.send('a');
    expect((await wrapped.connect()) === wrapped).toBe(true);
    expect([send, connect].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
    expect([traced, client.sent]).toEqual([['a'], [['secret', 'a']]]);
    vi.restoreAllMocks();
    expect((await wrapped.connect()) === wrapped).toBe(true);
    wrapped.send('b');
    expect(send).toHaveBeenCalledTimes(1);
    expect(connect).toHaveBeenCalledTimes(1);
  });

  it('is there as it was assigned, and reaches the original where that calls it', () => {
    const { client, wrapped } = wrap();
    const onMessage = vi.fn();
    wrapped.onMessage = onMessage;
    expect(wrapped.onMessage).toBe(onMessage);
    client.onMessage?.('a');
    expect(onMessage).toHaveBeenCalledWith('a');
  });

  it('is not kept when something else was assigned in its place', async () => {
    const { client, wrapped } = wrap();
    const assign = (to: Client) => {
      const handler = () => {};
      to.onMessage = handler;
      void wrapped.onMessage;
      return new WeakRef(handler);
    };
    const handlers = [wrapped, client, wrapped, client, wrapped].map(assign);
    const held = () => handlers.filter((handler) => handler.deref() !== undefined).length;
    for (let round = 0; round < 100 && held() > 1; round++) {
      await turn();
      collectGarbage();
    }
    // The last one is still assigned.
    expect(held()).toBe(1);
  });

  it('belongs to an object that inherits from the wrapped one, where that is assigned to', () => {
    const { client, wrapped } = wrap();
    const child = Object.create(wrapped) as Client;
    child.onMessage = () => {};
    expect(Object.hasOwn(child, 'onMessage')).toBe(true);
    expect(client.onMessage).toBeUndefined();
  });
});

describe('a frozen client', () => {
  const made = () => {
    const sent: unknown[] = [];
    const client = { send: (message: unknown) => sent.push(message), name: 'frozen' };
    const traced: unknown[] = [];
    const wrapping = () =>
      wrapClient(client, {
        send(message: unknown) {
          traced.push(message);
          return client.send(message);
        },
      });
    return { client, wrapping, sent, traced };
  };

  it.each(['before', 'after', 'through'])('is traced, frozen %s it is wrapped', (when) => {
    const { client, wrapping, sent, traced } = made();
    if (when === 'before') Object.freeze(client);
    const wrapped = wrapping();
    if (when === 'after') Object.freeze(client);
    if (when === 'through') Object.freeze(wrapped);
    wrapped.send('a');
    expect([sent, traced]).toEqual([['a'], ['a']]);
    expect(Object.isFrozen(wrapped)).toBe(true);
    expect(Object.isFrozen(client)).toBe(true);
    expect(Object.keys(wrapped)).toEqual(['send', 'name']);
    expect(wrapped.name).toBe('frozen');
    expect(() => {
      wrapped.send = () => 0;
    }).toThrow(TypeError);
    expect(() => {
      wrapped.name = 'other';
    }).toThrow(TypeError);
    expect(() => Object.defineProperty(wrapped, 'more', { value: 1 })).toThrow(TypeError);
    expect({ ...wrapped }.send).toBe(wrapped.send);
  });
});

describe('a wrapped client', () => {
  it('looks like the original', () => {
    const { client, wrapped } = wrap();
    expect(wrapped).toBeInstanceOf(Client);
    expect(wrapped.constructor).toBe(Client);
    expect(Object.keys(wrapped)).toEqual(Object.keys(client));
    expect('send' in wrapped).toBe(true);
    expect('other' in wrapped).toBe(false);
    expect(wrapped.secret).toBe('secret');
    expect(inspect(wrapped)).toBe(inspect(client));
    expect(wrapClient(wrapped, {})).toBe(wrapped);
  });

  it('lets members be added, defined for good and deleted, as the original does', () => {
    const { client, wrapped } = wrap();
    Object.defineProperty(wrapped, 'fixed', { value: 1 });
    expect(Object.getOwnPropertyDescriptor(wrapped, 'fixed')).toEqual(
      Object.getOwnPropertyDescriptor(client, 'fixed'),
    );
    expect(Reflect.deleteProperty(wrapped, 'fixed')).toBe(false);
    Object.assign(wrapped, { more: 2 });
    expect(Reflect.get(client, 'more')).toBe(2);
    expect(Reflect.deleteProperty(wrapped, 'more')).toBe(true);
    expect('more' in client).toBe(false);
    Object.preventExtensions(wrapped);
    expect(Object.isExtensible(client)).toBe(false);
    expect(() => Object.assign(wrapped, { other: 3 })).toThrow(TypeError);
    expect(wrapped.chain() === wrapped).toBe(true);
  });
});
