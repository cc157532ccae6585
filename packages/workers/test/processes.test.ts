import { type ChildProcess, execFile, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { propagation } from '@opentelemetry/api';
import { runInContext } from '@throughline/core';
import { createPropagator } from '@throughline/propagators';
import { environmentWithContext, traceMessages } from '@throughline/workers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { callerIn, FIRST, IN_FIRST, IN_NONE, SECOND, SPAN, seen, startSdk, stopSdk } from './sdk.ts';

beforeAll(startSdk);
afterAll(stopSdk);

const PROGRAM = join(import.meta.dirname, 'programs/process.ts');
const TRACEPARENT = `00-${FIRST}-${SPAN}-01`;

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.connected) child.disconnect();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
});

function start(options: ForkOptions = {}): ChildProcess {
  const child = fork(PROGRAM, options);
  children.push(child);
  return child;
}

/** Runs the program with an environment, and returns what it inherited. */
async function inheritedWith(env: Record<string, string | undefined>) {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM], { env });
  return JSON.parse(stdout);
}

describe('environmentWithContext', () => {
  test('returns a copy with the context, for a child that picks it up', async () => {
    const before = { ...process.env };
    const env = runInContext(callerIn(FIRST), () => environmentWithContext());
    expect(env).toEqual({ ...before, TRACEPARENT, TRACESTATE: 'a=1', BAGGAGE: 'tenant=acme' });
    expect(process.env).toEqual(before);
    expect(await inheritedWith(env)).toEqual(IN_FIRST);
  });

  test('hands the context on through a child without an SDK', async () => {
    const env = runInContext(callerIn(FIRST), () => environmentWithContext());
    const handedOn = { TRACEPARENT, TRACESTATE: 'a=1', BAGGAGE: 'tenant=acme' };
    expect(await inheritedWith({ ...env, SDK: 'off' })).toEqual(handedOn);
  });

  test('replaces a context that is there, in any letter case, and leaves the rest', () => {
    const given = Object.freeze({ PATH: '/bin', traceparent: 'old', TRACESTATE: 'old=1', Baggage: 'old=2' });
    const env = runInContext(callerIn(FIRST), () => environmentWithContext(given));
    expect(env).toEqual({ PATH: '/bin', TRACEPARENT, TRACESTATE: 'a=1', BAGGAGE: 'tenant=acme' });
  });

  test('is a plain copy where there is no context to hand on', () => {
    expect(environmentWithContext({ TRACEPARENT: 'inherited' })).toEqual({ TRACEPARENT: 'inherited' });
  });

  test('names the variables of other formats without hyphens', () => {
    const caller = callerIn(FIRST);
    propagation.disable();
    propagation.setGlobalPropagator(createPropagator('b3multi'));
    const env = runInContext(caller, () => environmentWithContext({}));
    expect(env).toEqual({ X_B3_TRACEID: FIRST, X_B3_SPANID: SPAN, X_B3_SAMPLED: '1' });
    propagation.disable();
    propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
  });

  test('throws nothing when the propagator does, and starts the child as without us', () => {
    propagation.disable();
    propagation.setGlobalPropagator({
      inject() {
        throw new Error('inject');
      },
      extract: (active) => active,
      fields: () => [],
    });
    expect(environmentWithContext({ PATH: '/bin' })).toEqual({ PATH: '/bin' });
    propagation.disable();
    propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
  });
});

describe('inheritedContext', () => {
  const { PATH } = process.env;
  test.each([
    ['no variables', {}],
    ['a malformed traceparent', { TRACEPARENT: '00-xyz' }],
    ['an empty traceparent', { TRACEPARENT: '' }],
    ['zeros', { TRACEPARENT: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01` }],
    ['100 KB of baggage', { BAGGAGE: `a=${'b'.repeat(100_000)}` }],
  ])('is the root context with %s', async (_, env) => {
    expect(await inheritedWith({ PATH, ...env })).toEqual(IN_NONE);
  });
});

describe.each(['json', 'advanced'] as const)('messages to a forked process, as %s', (serialization) => {
  test('carry the context there and back', async () => {
    const child = traceMessages(start({ serialization }));
    for (const traceId of [FIRST, SECOND]) {
      const answered = new Promise<unknown>((resolve) => {
        child.once('message', (answer: object) => resolve({ ...answer, here: seen() }));
      });
      runInContext(callerIn(traceId), () => child.send({ order: [1, null] }));
      expect(await answered).toMatchObject({
        data: { order: [1, null] },
        seen: { traceId, tenant: 'acme' },
        here: { traceId, tenant: 'acme' },
      });
    }
  });

  test('are delivered as without us if they bring no context, or a malformed one', async () => {
    const child = start({ serialization });
    const messages: [sent: object | string, delivered: unknown][] = [
      ['plain', 'plain'],
      [
        { $trace: [], data: 1 },
        { $trace: [], data: 1 },
      ],
      [{ $trace: { traceparent: 'x' }, data: 1 }, 1],
    ];
    for (const [sent, delivered] of messages) {
      const answered = once(child, 'message');
      child.send(sent);
      // Only we open the envelope of the answer.
      const { data } = (await answered)[0];
      expect(data.data).toEqual(delivered);
      expect(data.seen.tenant).toBeUndefined();
    }
  });
});

test('without us, neither side sees the context', async () => {
  const child = start();
  const { answer, here } = await runInContext(
    callerIn(FIRST),
    () =>
      // biome-ignore lint/suspicious/noExplicitAny: what the program answers
      new Promise<any>((resolve) => {
        child.once('message', (answer) => resolve({ answer, here: seen() }));
        child.send('hello');
      }),
  );
  expect(answer.data.seen.traceId).not.toBe(FIRST);
  expect(answer.data.inherited.traceId).toBeUndefined();
  expect(here).toEqual(IN_NONE);
});

test('send passes its callback on, and refuses what it refuses without us', async () => {
  const child = traceMessages(start());
  const sent = new Promise<unknown>((resolve) => {
    runInContext(callerIn(FIRST), () => child.send('hello', (error) => resolve(error)));
  });
  expect(await sent).toBeNull();
  for (const message of [undefined, () => {}, Symbol('s')])
    expect(() => runInContext(callerIn(FIRST), () => child.send(message as never))).toThrow(TypeError);
});

test('a message of Node to itself stays one', async () => {
  const child = traceMessages(start());
  const answered = once(child, 'message');
  runInContext(callerIn(FIRST), () => {
    child.send({ cmd: 'NODE_OWN' });
    child.send('hello');
  });
  // The first one does not reach the listeners of the other side.
  expect((await answered)[0]).toMatchObject({ data: 'hello' });
});

test('send passes a handle on', async () => {
  const child = traceMessages(start());
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const answered = once(child, 'message');
  runInContext(callerIn(FIRST), () => child.send('a server', server));
  expect((await answered)[0]).toMatchObject({ data: 'a server', seen: { traceId: FIRST } });
  server.close();
});

test('a cluster carries the context to its worker, and its answer to every listener', async () => {
  const primary = join(import.meta.dirname, 'programs/primary.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [primary]);
  const message = { data: 'hello', seen: { traceId: SECOND, tenant: 'acme' }, inherited: IN_FIRST };
  const here = { traceId: SECOND, tenant: 'acme' };
  const heard = JSON.parse(stdout);
  expect(heard.map(({ by }: { by: string }) => by).sort()).toEqual(['cluster', 'worker']);
  for (const each of heard) expect(each).toMatchObject({ message, here });
});
