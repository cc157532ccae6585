import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { messages, text } from './protobuf.ts';

/** What the sink does with an export: keeps it, takes it unread, says 503 or 400, nothing at all, or byte after byte without end. */
type Behaviour = 'accept' | 'discard' | 'unavailable' | 'reject' | 'hang' | 'drip';

interface SunkSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly resource: Readonly<Record<string, string>>;
}

/** An OTLP receiver on the loopback interface, for protobuf. */
export interface OtlpSink {
  readonly url: string;
  behaviour: Behaviour;
  /** Milliseconds until it answers. */
  latency: number;
  readonly spans: SunkSpan[];
  /** Names of the metrics received. */
  readonly metrics: Set<string>;
  readonly requests: { readonly url: string; readonly headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

export async function startOtlpSink(port = 0): Promise<OtlpSink> {
  const held = new Set<ServerResponse>();
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    sink.requests.push({ url: req.url ?? '', headers: req.headers });
    if (sink.behaviour === 'hang') return void held.add(res);
    if (sink.behaviour === 'drip') {
      const drip = setInterval(() => res.write('.'), 50);
      return void res.once('close', () => clearInterval(drip));
    }
    if (sink.behaviour === 'discard') return res.writeHead(200).end();
    if (sink.behaviour !== 'accept') return res.writeHead(sink.behaviour === 'reject' ? 400 : 503).end();
    await wait(sink.latency);
    const whole = Buffer.concat(chunks);
    const body = req.headers['content-encoding'] === 'gzip' ? gunzipSync(whole) : whole;
    if (req.url?.endsWith('/v1/metrics')) for (const name of metricNames(body)) sink.metrics.add(name);
    else sink.spans.push(...readSpans(body));
    res.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const sink: OtlpSink = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    behaviour: 'accept',
    latency: 0,
    spans: [],
    metrics: new Set(),
    requests: [],
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return sink;
}

/** @see https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto */
function readSpans(body: Buffer): SunkSpan[] {
  return messages(body, 1).flatMap((resourceSpans) => {
    const resource = Object.fromEntries(
      messages(resourceSpans, 1).flatMap((message) =>
        messages(message, 1).map((pair) => [text(pair, 1), text(messages(pair, 2)[0] ?? pair, 1)]),
      ),
    );
    return messages(resourceSpans, 2).flatMap((scopeSpans) =>
      messages(scopeSpans, 2).map((span) => ({
        name: text(span, 5),
        traceId: text(span, 1, 'hex'),
        spanId: text(span, 2, 'hex'),
        parentId: text(span, 4, 'hex'),
        resource,
      })),
    );
  });
}

function metricNames(body: Buffer): string[] {
  return messages(body, 1).flatMap((resource) =>
    messages(resource, 2).flatMap((scope) => messages(scope, 2).map((metric) => text(metric, 1))),
  );
}
