// A child process: prints or sends what it inherited (without an SDK, what it would hand on), and answers each message with what it saw, in a span of its own.
import { trace } from '@opentelemetry/api';
import { runInContext } from '@throughline/core';
import { environmentWithContext, inheritedContext, traceMessages } from '@throughline/workers';
import { seen, startSdk } from '../sdk.ts';

const withSdk = process.env.SDK !== 'off';
if (withSdk) startSdk();
const inherited = runInContext(inheritedContext(), () => (withSdk ? seen() : environmentWithContext({})));

if (process.send === undefined) console.log(JSON.stringify(inherited));
else {
  traceMessages(process);
  process.on('message', (data) => {
    trace.getTracer('process').startActiveSpan('answer', (span) => {
      process.send?.({ data, seen: seen(), inherited });
      span.end();
    });
  });
  process.on('disconnect', () => process.exit());
}
