import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { runInContext } from '@throughline/core';
import { createPropagator } from '@throughline/propagators';
import { type ReceivedFrame, readFrames, writeFrames } from '@throughline/stream';
import { afterAll, describe, expect, test } from 'vitest';

const propagator = createPropagator('tracecontext,baggage');
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.disconnect();
});

async function startPeer(env: Record<string, string> = {}): Promise<number> {
  const child = fork(join(import.meta.dirname, 'programs/peer.ts'), { env: { ...process.env, ...env } });
  children.push(child);
  return (await once(child, 'message'))[0];
}

function callerWith(traceId: string, flags: string) {
  const fields: Record<string, string> = {
    traceparent: `00-${traceId}-b7ad6b7169203331-${flags}`,
    baggage: 'tenant=acme',
  };
  return propagator.extract(ROOT_CONTEXT, fields, { get: (_, name) => fields[name], keys: () => [] });
}

/** Sends one frame in each context over one connection, and returns the answers. */
async function ask(socket: Socket, contexts: readonly ReturnType<typeof callerWith>[]) {
  const writer = writeFrames({ propagator });
  writer.pipe(socket);
  for (const [i, context] of contexts.entries()) runInContext(context, () => writer.write(`question ${i}`));
  const answers = [];
  for await (const frame of socket.pipe(readFrames({ propagator }))) {
    const { context, data } = frame as ReceivedFrame;
    const sent = trace.getSpanContext(context);
    answers.push({ ...JSON.parse(data.toString()), answered: sent?.traceId, by: sent?.spanId });
    if (answers.length === contexts.length) writer.end();
  }
  return answers;
}

const SAMPLED = '0af7651916cd43dd8448eb211c80319c';
const UNSAMPLED = '1bf7651916cd43dd8448eb211c80319d';

describe('two processes and one net socket', () => {
  test('are in one trace, frame by frame, with baggage, sampled or not', async () => {
    const socket = connect(await startPeer(), '127.0.0.1');
    const answers = await ask(socket, [callerWith(SAMPLED, '01'), callerWith(UNSAMPLED, '00'), ROOT_CONTEXT]);
    expect(answers.slice(0, 2)).toMatchObject([
      { asked: 'question 0', traceId: SAMPLED, sampled: 1, tenant: 'acme', answered: SAMPLED },
      { asked: 'question 1', traceId: UNSAMPLED, sampled: 0, tenant: 'acme', answered: UNSAMPLED },
    ]);
    expect(answers[2].traceId).not.toBe(SAMPLED);
    // The answer is of the peer's own span.
    expect(answers[0].by).not.toBe('b7ad6b7169203331');
  });

  test('pass the context on with no SDK in the middle', async () => {
    const socket = connect(await startPeer({ SDK: 'off' }), '127.0.0.1');
    const [answer] = await ask(socket, [callerWith(SAMPLED, '01')]);
    expect(answer).toMatchObject({ asked: 'question 0', answered: SAMPLED, by: 'b7ad6b7169203331' });
  });
});

test('a peer that speaks plain text is served as without us', async () => {
  const received: string[] = [];
  const server = createServer((socket) => {
    socket
      .pipe(readFrames())
      .on('data', ({ framed, data }: ReceivedFrame) => {
        received.push(`${framed}: ${data}`);
        socket.write(`+${data}`);
      })
      .on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  client.setEncoding('utf8');
  client.write('PING\r\n');
  expect((await once(client, 'data'))[0]).toBe('+PING\r\n');
  client.end();
  await once(client, 'close');
  expect(received).toEqual(['false: PING\r\n']);
  expect(propagation.getBaggage(ROOT_CONTEXT)).toBeUndefined();
  server.close();
});
