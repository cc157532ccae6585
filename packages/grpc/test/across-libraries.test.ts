import { SpanKind } from '@opentelemetry/api';
import { createPropagator } from '@throughline/propagators';
import { assertParent, type RpcHandler, type SpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startRecording, stopRecording } from '../../../test/conformance/recording.ts';
import { connectBy } from './connect-echo.ts';
import { connectGrpc } from './grpc-js-echo.ts';

let spans: SpanCollector;
beforeEach(() => {
  spans = startRecording();
});
afterEach(() => stopRecording(spans));

const connectRpc = connectBy('grpc', '2');
const echo: RpcHandler = async function* ({ messages }) {
  for await (const message of messages) yield message;
};

/** `a` as a message of the Connect service. The service of `@grpc/grpc-js` takes any text for one. */
const MESSAGE = '\n\u0001a';

describe.each([
  ['as traceparent', undefined],
  ['as grpc-trace-bin', createPropagator('grpc-trace-bin')],
])('the trace %s', (_, propagator) => {
  const options = propagator && { propagator };

  test.each([
    ['Connect to @grpc/grpc-js', connectGrpc, connectRpc, 'a'],
    ['@grpc/grpc-js to Connect', connectRpc, connectGrpc, MESSAGE],
  ] as const)('goes from %s', async (__, serve, call, message) => {
    const server = await serve({ server: { ...options }, client: false, handler: echo });
    const client = await call({ server: false, client: { ...options }, handler: echo, port: server.port });
    try {
      const answer = await client.call({ kind: 'unary', messages: [message] });
      expect(answer).toEqual({ messages: [message], status: 'OK' });
      const made = await spans.take(({ kind }) => kind === SpanKind.CLIENT);
      assertParent(await spans.take(({ kind }) => kind === SpanKind.SERVER), made);
    } finally {
      await client.close?.();
      await server.close?.();
    }
  });
});
