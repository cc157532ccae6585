import assert from 'node:assert/strict';
import type { MessagingCase, MessagingWorld } from '../messaging-case.ts';
import type { WrappedClient } from '../messaging-client-under-test.ts';
import { assertCarries } from '../on-wire.ts';

type Method = (...args: unknown[]) => unknown;

function wrappedIn({ client }: MessagingWorld): WrappedClient {
  assert.ok(client.wrapped, 'the spec file names the wrapped client');
  return client.wrapped;
}

/** Takes a message that was sent once, with its span. */
async function assertSentOnce(world: MessagingWorld, body: string): Promise<void> {
  const message = await world.take();
  assert.equal(message.body, body);
  assertCarries(message, await world.span('send'));
}

/** Two ways to replace a method, as spies do, and to put it back. */
const REPLACEMENTS: readonly [
  replace: (client: object, name: string, method: Method) => void,
  restore: (client: object, name: string, found: Method) => void,
][] = [
  [Reflect.set, Reflect.set],
  [
    (client, name, value) =>
      Object.defineProperty(client, name, { value, writable: true, configurable: true }),
    Reflect.deleteProperty,
  ],
];

export const wrappedClientCases: readonly MessagingCase[] = [
  {
    name: 'calls what replaces its send method once, and sends as before when that is taken away',
    needs: ['wrapped'],
    async run(world) {
      const { client, method } = wrappedIn(world);
      for (const [replace, restore] of REPLACEMENTS) {
        const found: Method = Reflect.get(client, method);
        let calls = 0;
        replace(client, method, function spy(this: unknown, ...args) {
          calls += 1;
          return Reflect.apply(found, this, args);
        });
        await world.send('replaced');
        assert.equal(calls, 1, 'the replacement was called once');
        await assertSentOnce(world, 'replaced');
        restore(client, method, found);
        await world.send('restored');
        assert.equal(calls, 1, 'the replacement was called after it was taken away');
        await assertSentOnce(world, 'restored');
      }
    },
  },
  {
    name: 'hands a traced client back in every way in which the original hands one back',
    needs: ['wrapped', 'handsBack'],
    async run(world) {
      const { client, method, handsBack = {} } = wrappedIn(world);
      assert.ok(Object.keys(handsBack).length > 0, 'the spec file names the ways');
      const found: Method = Reflect.get(client, method);
      let sent: unknown[] = [];
      Reflect.set(client, method, (...args: unknown[]) => {
        sent = args;
        return Reflect.apply(found, client, args);
      });
      await world.send('a');
      Reflect.set(client, method, found);
      await assertSentOnce(world, 'a');
      for (const [way, handBack] of Object.entries(handsBack)) {
        const back = (await handBack()) as Record<string, Method>;
        assert.equal(typeof back[method], 'function', `${way} hands a client back`);
        await back[method]?.(...sent);
        await assertSentOnce(world, 'a');
      }
    },
  },
];
