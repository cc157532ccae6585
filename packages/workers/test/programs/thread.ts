// A thread: answers each message with what it saw, in a span of its own.
import { BroadcastChannel, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { trace } from '@opentelemetry/api';
import { runInContext } from '@throughline/core';
import { inheritedContext, traceMessages } from '@throughline/workers';
import { seen, startSdk } from '../sdk.ts';

if (workerData?.sdk !== 'off') startSdk();
const inherited = runInContext(inheritedContext(), seen);

function answerOn(port: { postMessage(value: unknown): void }, data: unknown): void {
  trace.getTracer('thread').startActiveSpan('answer', (span) => {
    port.postMessage({ data, seen: seen(), inherited, parent: seen() });
    span.end();
  });
}

const port = traceMessages(parentPort as MessagePort);
port.on('message', (message) => {
  if (message?.port === undefined) return answerOn(port, message);
  const other = traceMessages(message.port as MessagePort);
  other.on('message', (data) => {
    answerOn(other, data);
    other.close();
  });
});

const channel = traceMessages(new BroadcastChannel('throughline-test'));
channel.onmessage = (event: unknown) => answerOn(port, (event as MessageEvent).data);
channel.unref();
