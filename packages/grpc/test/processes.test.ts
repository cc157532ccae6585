import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { runInContext } from '@throughline/core';
import { createPropagator } from '@throughline/propagators';
import type { RpcSetup } from '@throughline/testing';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { connectBy } from './connect-echo.ts';
import { type Connected, connectGrpc } from './grpc-js-echo.ts';

const propagator = createPropagator('tracecontext,baggage');
const children: ChildProcess[] = [];
const clients: Connected[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close?.();
});
afterAll(() => {
  for (const child of children) child.disconnect();
});

async function startPeer(env: Record<string, string>): Promise<number> {
  const child = fork(join(import.meta.dirname, 'programs/peer.ts'), { env: { ...process.env, ...env } });
  children.push(child);
  return (await once(child, 'message'))[0];
}

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';

/** The context of a caller, as its own HTTP request brought it. */
function callerWith(flags: '00' | '01') {
  const fields: Record<string, string> = {
    traceparent: `00-${TRACE_ID}-${SPAN_ID}-${flags}`,
    baggage: 'tenant=acme',
  };
  return propagator.extract(ROOT_CONTEXT, fields, { get: (_, name) => fields[name], keys: () => [] });
}

describe.each([
  ['grpc-js', connectGrpc],
  ['connect', connectBy('grpc', '2')],
] as const)('two processes and %s', (library, connect) => {
  /** Returns what the handler in the last process saw of a call that is made here without an SDK. */
  async function ask(port: number, flags: '00' | '01') {
    const setup: RpcSetup = { server: {}, client: { propagator }, handler: () => expect.unreachable() };
    const client = await connect({ ...setup, port });
    clients.push(client);
    const answer = await runInContext(callerWith(flags), () =>
      client.call({ kind: 'unary', messages: ['a'] }),
    );
    expect(answer.status).toBe('OK');
    return JSON.parse(answer.messages[0] ?? '');
  }

  test('are in one trace, with baggage, sampled or not', async () => {
    const port = await startPeer({ LIBRARY: library });
    const sampled = await ask(port, '01');
    expect(sampled).toMatchObject({ traceId: TRACE_ID, traceFlags: 1, tenant: 'acme' });
    expect(sampled.spanId).not.toBe(SPAN_ID);
    expect(await ask(port, '00')).toMatchObject({ traceId: TRACE_ID, traceFlags: 0, tenant: 'acme' });
  });

  test('are in one trace through a third in the middle that has no SDK', async () => {
    const last = await startPeer({ LIBRARY: library });
    const middle = await startPeer({ LIBRARY: library, SDK: 'off', NEXT: `${last}` });
    expect(await ask(middle, '01')).toMatchObject({ traceId: TRACE_ID, traceFlags: 1, tenant: 'acme' });
    expect(await ask(middle, '00')).toMatchObject({ traceId: TRACE_ID, traceFlags: 0, tenant: 'acme' });
  });

  test('answer as without an SDK at all', async () => {
    const port = await startPeer({ LIBRARY: library, SDK: 'off' });
    expect(trace.getSpan(context.active()) ?? propagation.getActiveBaggage()).toBeUndefined();
    expect(await ask(port, '01')).toEqual({});
  });
});
