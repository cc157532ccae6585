// Records spans like those of a service that calls another, as fast as they can be exported, and tells what that cost.
// node span-source.ts PAIRS: an exchange of IPC messages, for throughput.ts
import { once } from 'node:events';
import { SpanKind, trace } from '@opentelemetry/api';
import { startTracing } from '@throughline/sdk';

/** Pairs between two flushes: less than the queue of spans that wait for export holds. */
const BURST = 500;

const pairs = Number(process.argv[2]);
const tracing = startTracing({ serviceName: 'source' });
const tracer = trace.getTracer('@throughline/http', '0.1.0');

/** A SERVER span and the CLIENT span below it, with the attributes that Throughline's adapters set. */
function recordPair(i: number) {
  tracer.startActiveSpan(
    'GET',
    {
      kind: SpanKind.SERVER,
      attributes: {
        'http.request.method': 'GET',
        'url.path': `/items/${i}`,
        'url.scheme': 'http',
        'server.address': 'shop.example',
        'server.port': 8080,
        'client.address': '10.1.2.3',
        'network.peer.address': '10.1.2.3',
        'network.peer.port': 40_000,
        'network.protocol.version': '1.1',
        'user_agent.original': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
      },
    },
    (server) => {
      const client = tracer.startSpan('GET', {
        kind: SpanKind.CLIENT,
        attributes: {
          'http.request.method': 'GET',
          'server.address': 'stock.example',
          'server.port': 8080,
          'url.full': `http://stock.example:8080/stock/${i}`,
        },
      });
      client.setAttribute('http.response.status_code', 200);
      client.end();
      server.updateName('GET /items/:id');
      server.setAttributes({ 'http.route': '/items/:id', 'http.response.status_code': 200 });
      server.end();
    },
  );
}

async function record(count: number) {
  for (let done = 0; done < count; done += BURST) {
    for (let i = done; i < Math.min(done + BURST, count); i++) recordPair(i);
    await tracing.flush();
  }
}

// Warm, so that the compiler's work is not counted.
await record(5_000);
const before = tracing.status().spans;
process.send?.('warm');
await once(process, 'message');
const cpu = process.cpuUsage();
const begun = performance.now();
await record(pairs);
const seconds = (performance.now() - begun) / 1000;
const { user, system } = process.cpuUsage(cpu);
const after = tracing.status().spans;
process.send?.(
  {
    spans: pairs * 2,
    exported: after.exported - before.exported,
    lost: after.dropped + after.failed,
    cpuMicros: user + system,
    seconds,
  },
  () => process.exit(),
);
