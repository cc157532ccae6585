// The other process: answers each call with what is active in its handler, or passes the call on to a next server.
import { context, propagation, trace } from '@opentelemetry/api';
import { activeContext } from '@throughline/core';
import type { RpcUnderTest } from '@throughline/testing';
import { sdk3 } from '../../../../test/conformance/sdk3.ts';
import { connectBy } from '../connect-echo.ts';
import { connectGrpc } from '../grpc-js-echo.ts';

const { LIBRARY, SDK, NEXT } = process.env;

if (SDK !== 'off') {
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [] }));
}

const connect = LIBRARY === 'connect' ? connectBy('grpc', '2') : connectGrpc;
let next: RpcUnderTest | undefined;

const here = await connect({
  server: {},
  client: {},
  async *handler({ messages }) {
    for await (const message of messages) {
      await new Promise((turn) => setImmediate(turn));
      if (next !== undefined) {
        yield (await next.call({ kind: 'unary', messages: [message] })).messages[0] ?? '';
        continue;
      }
      const active = activeContext();
      const { traceId, spanId, traceFlags } = trace.getSpanContext(active) ?? {};
      const tenant = propagation.getBaggage(active)?.getEntry('tenant')?.value;
      yield JSON.stringify({ traceId, spanId, traceFlags, tenant });
    }
  },
});
if (NEXT !== undefined)
  next = await connect({
    server: {},
    client: {},
    port: Number(NEXT),
    handler: () => {
      throw new Error('this side only calls');
    },
  });
process.send?.(here.port);
process.once('disconnect', () => process.exit());
