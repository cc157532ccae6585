// Measures what a receiver that fails costs a service under load, and prints the table of the README.
// `node packages/sdk/test/outage-load.ts [seconds]`
import { Agent, get } from 'node:http';
import { startOtlpSink } from './otlp-sink.ts';
import { startProgram } from './program.ts';

const SECONDS = Number(process.argv[2] ?? 20);
const CONNECTIONS = 20;

interface Stats {
  readonly heapUsed: number;
  /** CPU time since the start, of all threads, in microseconds. */
  readonly cpu: number;
  /** 99th percentile of the event loop's delay in milliseconds. */
  readonly delay: number;
  readonly spans: Readonly<Record<'queued' | 'exporting' | 'exported' | 'failed' | 'dropped', number>>;
}

const agent = new Agent({ keepAlive: true });

function request(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, async (res) => {
      let body = '';
      for await (const chunk of res) body += chunk;
      if (res.statusCode === 200) resolve(body);
      else reject(new Error(String(res.statusCode)));
    }).once('error', reject);
  });
}

async function load(url: string, seconds: number) {
  const times: number[] = [];
  let failed = 0;
  const until = performance.now() + seconds * 1_000;
  const connection = async () => {
    while (performance.now() < until) {
      const began = performance.now();
      await request(url).catch(() => failed++);
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  times.sort((a, b) => a - b);
  const percentile = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
  return {
    count: times.length,
    perSecond: Math.round(times.length / seconds),
    p50: percentile(0.5),
    p99: percentile(0.99),
    failed,
  };
}

async function measure(title: string, behaviour: 'discard' | 'hang' | 'unavailable' | 'refused' | 'off') {
  const sink = await startOtlpSink();
  if (behaviour === 'refused') await sink.close();
  else if (behaviour !== 'off') sink.behaviour = behaviour;
  const server = startProgram(
    'server',
    behaviour === 'off' ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url },
    ['--expose-gc'],
  );
  await server.said('ready');
  const [url] = server.stdout().split(' ');
  const stats = async (): Promise<Stats> => JSON.parse(await request(`${url}/stats`));
  await load(`${url}/orders/1`, 3);
  const before = await stats();
  const { count, perSecond, p50, p99, failed } = await load(`${url}/orders/1`, SECONDS);
  const after = await stats();
  const heap = (bytes: number) => (bytes / 1e6).toFixed(1);
  const { queued, exporting, exported, dropped } = after.spans;
  console.log(
    `| ${title} | ${perSecond} | ${p50} | ${p99} | ${failed} | ${after.delay.toFixed(1)} | ${Math.round((after.cpu - before.cpu) / count)} | ${heap(before.heapUsed)} | ${heap(after.heapUsed)} | ${exported} | ${dropped + after.spans.failed} | ${queued + exporting} |`,
  );
  const ended = server.ended;
  server.kill('SIGKILL');
  await ended;
  if (behaviour !== 'refused') await sink.close();
}

console.log(
  '| Receiver | req/s | p50 ms | p99 ms | failed | loop p99 ms | CPU µs/req | heap MB before | after | spans sent | lost | held |',
);
console.log('|---|---|---|---|---|---|---|---|---|---|---|---|');
await measure('none: nothing recorded', 'off');
await measure('accepts spans', 'discard');
await measure('hangs', 'hang');
await measure('answers 503', 'unavailable');
await measure('refuses connections', 'refused');
process.exit(0);
