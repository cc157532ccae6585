import { describe, expect, it } from 'vitest';
import { viewWithMembers, withMembers } from '../src/with-members.ts';

class Options {
  readonly #persistent = true;
  priority = 5;
  get persistent() {
    return this.#persistent;
  }
  describe() {
    return `persistent ${this.#persistent}`;
  }
}

const hidden = Object.defineProperty({ priority: 5 }, 'persistent', { value: true });
const symbol = Symbol('of the application');

/** Objects that hold `persistent: true` and `priority: 5` in every way that a reader may find. */
const ORIGINALS: Record<string, () => { persistent: boolean; priority: number }> = {
  plain: () => ({ persistent: true, priority: 5 }),
  frozen: () => Object.freeze({ persistent: true, priority: 5 }),
  inherited: () => Object.create({ persistent: true, priority: 5 }),
  'inherited and frozen': () => Object.freeze(Object.create({ persistent: true, priority: 5 })),
  'an instance with private fields': () => new Options(),
  'a frozen instance with private fields': () => Object.freeze(new Options()),
  'with a hidden member': () => hidden as { persistent: boolean; priority: number },
  'a proxy': () => new Proxy({ persistent: true, priority: 5 }, {}),
  'a proxy that answers for what it does not list': () =>
    new Proxy({} as { persistent: boolean; priority: number }, {
      get: (_target, name) => ({ persistent: true, priority: 5 })[String(name)],
      has: (_target, name) => name === 'persistent' || name === 'priority',
    }),
  'without a prototype': () => Object.assign(Object.create(null), { persistent: true, priority: 5 }),
  'with a getter': () => ({
    get persistent() {
      return this.priority === 5;
    },
    priority: 5,
  }),
  'with a symbol': () => ({ persistent: true, priority: 5, [symbol]: 1 }),
};

/** The ways in which a client may read what it is given; `headers` is what we add. */
const READERS: Record<string, (object: object) => unknown> = {
  members: (object) => {
    const { persistent, priority } = object as Options;
    return [persistent, priority];
  },
  in: (object) => ['persistent' in object, 'priority' in object, 'other' in object],
  keys: (object) => Object.keys(object).filter((name) => name !== 'headers'),
  'own names': (object) => Object.getOwnPropertyNames(object).filter((name) => name !== 'headers'),
  symbols: (object) => Object.getOwnPropertySymbols(object),
  'for in': (object) => {
    const names: string[] = [];
    for (const name in object) if (name !== 'headers') names.push(name);
    return names;
  },
  spread: (object) => ({ ...object, headers: undefined }),
  json: (object) => JSON.parse(JSON.stringify({ ...object, headers: undefined })),
  hasOwn: (object) => [Object.hasOwn(object, 'persistent'), Object.hasOwn(object, 'priority')],
  prototype: (object) => Object.getPrototypeOf(object),
  methods: (object) => (object as Partial<Options>).describe?.(),
};

describe.each(Object.keys(ORIGINALS))('with members, an original %s', (kind) => {
  const make = ORIGINALS[kind] as (typeof ORIGINALS)[string];

  it.each(Object.keys(READERS))('reads as before by %s', (way) => {
    const read = READERS[way] as (typeof READERS)[string];
    const original = make();
    expect(read(withMembers(original, { headers: { a: '1' } }))).toEqual(read(original));
  });

  it('has the members, and keeps what is written to itself', () => {
    const original = make();
    const keys = Reflect.ownKeys(original);
    const made = withMembers<object & { headers?: unknown; priority?: number; more?: number }>(original, {
      headers: 1,
    });
    expect(made.headers).toBe(1);
    expect('headers' in made).toBe(true);
    expect({ ...made }.headers).toBe(1);
    made.priority = 6;
    made.more = 7;
    expect([made.priority, made.more, original.priority]).toEqual([6, 7, 5]);
    expect(Reflect.deleteProperty(made, 'priority')).toBe(true);
    expect([original.priority, Object.hasOwn(made, 'priority')]).toEqual([5, false]);
    expect(Reflect.ownKeys(original)).toEqual(keys);
    Object.freeze(made);
    expect(Object.isFrozen(made)).toBe(true);
    expect([made.headers, made.more]).toEqual([1, 7]);
  });

  it('lacks what it is to be without, in any letter case', () => {
    const made = withMembers<object>(make(), { persistent: 1 }, ['Priority', 'PERSISTENT']);
    expect([Reflect.get(made, 'persistent'), Reflect.get(made, 'priority')]).toEqual([1, undefined]);
    expect(Object.keys(made)).toEqual(['persistent']);
  });
});

it('makes an object of nothing, and of what is none', () => {
  expect(withMembers(undefined, { a: 1 })).toEqual({ a: 1 });
  expect(withMembers(null, { a: 1 })).toEqual({ a: 1 });
  expect(withMembers('text' as never, { a: 1 })).toEqual({ a: 1 });
});

it('shows the members to methods, where these are to see them', () => {
  class Command {
    input = 'original';
    send() {
      return this.input;
    }
  }
  const command = Object.freeze(new Command());
  const made = viewWithMembers(command, { input: 'traced' });
  expect([made.send(), command.send(), made instanceof Command]).toEqual(['traced', 'original', true]);
  expect({ ...made }).toEqual({ input: 'traced' });
});
