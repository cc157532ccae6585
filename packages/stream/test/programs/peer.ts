// The other process: answers each frame with one, and says on its standard output which span it recorded for it.
import { createServer } from 'node:net';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { baggageFields, runInContext } from '@throughline/core';
import { createPropagator } from '@throughline/propagators';
import { type ReceivedFrame, readFrames, writeFrames } from '@throughline/stream';

const withSdk = process.env.SDK !== 'off';
if (withSdk) {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
  trace.setGlobalTracerProvider(new TracerProvider({}));
}

const server = createServer((socket) => {
  const answers = writeFrames();
  answers.pipe(socket);
  socket.on('error', () => {});
  socket
    .pipe(readFrames())
    .on('data', (frame: ReceivedFrame) => {
      runInContext(frame.context, () => {
        const handle = () => {
          const spanContext = trace.getSpan(context.active())?.spanContext();
          answers.write(
            JSON.stringify({
              asked: frame.data.toString(),
              traceId: spanContext?.traceId,
              sampled: spanContext?.traceFlags,
              tenant: baggageFields(['tenant'])['baggage.tenant'],
            }),
          );
        };
        if (!withSdk) return handle();
        trace.getTracer('peer').startActiveSpan('answer', { kind: SpanKind.SERVER }, (span) => {
          handle();
          span.end();
        });
      });
    })
    .on('end', () => answers.end());
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as { port: number }).port));
process.on('disconnect', () => process.exit());
