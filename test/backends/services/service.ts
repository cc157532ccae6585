// One service of the tests, in a process of its own: node service.ts front|back|edge
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ZipkinExporter } from '@opentelemetry/exporter-zipkin';
import { BatchSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace';
import { startTracing } from '@throughline/sdk';
import { type RecordedSpan, recordSpan } from '../recorded-span.ts';
import { backListener } from './back.ts';
import { edgeListener } from './edge.ts';
import { frontListener } from './front.ts';

const LISTENERS = { front: frontListener, back: backListener, edge: edgeListener };

const name = process.argv[2] as keyof typeof LISTENERS;
const zipkin = process.env.ZIPKIN_URL;
const recorded: RecordedSpan[] = [];
const recorder: SpanProcessor = {
  onStart() {},
  onEnd: (span) => void (span.spanContext().traceFlags & 1 && recorded.push(recordSpan(span))),
  forceFlush: async () => {},
  shutdown: async () => {},
};
const tracing = startTracing({
  serviceName: name,
  spanProcessors: zipkin
    ? [recorder, new BatchSpanProcessor({ exporter: new ZipkinExporter({ url: `${zipkin}/api/v2/spans` }) })]
    : [recorder],
});

const server = createServer(LISTENERS[name]()).listen(0, '127.0.0.1');
await once(server, 'listening');
process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });

// The parent's only message, or its end: no new requests, the last spans out, and then what was recorded.
await Promise.race([once(process, 'message'), once(process, 'disconnect')]);
server.close();
server.closeIdleConnections();
await once(server, 'close');
await tracing.shutdown();
if (process.connected) process.send?.({ recorded }, () => process.disconnect());
