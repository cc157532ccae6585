// What a span costs: node test/backends/throughput.ts [pairs of spans]
//
// A Node process records and exports spans while the Collector passes them on; both sides' CPU time is divided by the
// number of spans. Without export the same process records for nobody; the difference is what exporting costs.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startCollector } from './back-ends.ts';
import { locate } from './cached-builds.ts';
import { COLLECTOR } from './recipes.ts';
import { startSink } from './sink.ts';

interface Cost {
  readonly spans: number;
  readonly exported: number;
  readonly lost: number;
  readonly cpuMicros: number;
  readonly seconds: number;
}

const pairs = Number(process.argv[2] ?? 100_000);
/** Linux counts CPU time in these, whatever its own clock does. */
const TICK_MICROS = 10_000;
/** What the source sends before it is measured. */
const WARM_UP_SPANS = 10_000;

/** Runs one source; `collectorPid` is watched from the moment the source is warm to its end. */
async function measure(env: NodeJS.ProcessEnv, collectorPid?: number) {
  const child = fork(join(import.meta.dirname, 'services/span-source.ts'), [String(pairs)], {
    env: { ...process.env, OTEL_METRICS_EXPORTER: 'none', ...env },
  });
  await once(child, 'message');
  const before = await cpuMicrosOf(collectorPid);
  child.send('go');
  const [cost] = (await once(child, 'message')) as [Cost];
  return { ...cost, collectorMicros: (await settledCpuMicrosOf(collectorPid)) - before };
}

/** The CPU time once the process has come to rest: spans that it has taken in may still be on their way. */
async function settledCpuMicrosOf(pid: number | undefined): Promise<number> {
  let micros = await cpuMicrosOf(pid);
  for (let idle = 0; pid !== undefined && idle < 4; ) {
    await delay(500);
    const now = await cpuMicrosOf(pid);
    idle = now - micros <= TICK_MICROS ? idle + 1 : 0;
    micros = now;
  }
  return micros;
}

async function cpuMicrosOf(pid: number | undefined): Promise<number> {
  if (pid === undefined) return 0;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field, the program's name, may hold spaces; user and system time are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}

function row(what: string, nodeMicros: number, collectorMicros?: number) {
  const perCore = (micros: number) => Math.round(1e6 / micros / 100) * 100;
  const collector = collectorMicros
    ? ` ${collectorMicros.toFixed(1)} | ${perCore(collectorMicros)} |`
    : ' | |';
  console.log(`| ${what} | ${nodeMicros.toFixed(1)} | ${perCore(nodeMicros)} |${collector}`);
}

const located = await locate(COLLECTOR);
if ('missing' in located) {
  console.log(`skipped: ${COLLECTOR.name}: ${located.missing}`);
  process.exit(process.env.REQUIRE_BACKENDS === '1' ? 1 : 0);
}

console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}, ${pairs * 2} spans a row\n`);
console.log('| | Node: CPU µs per span | spans/s per core | Collector: CPU µs per span | spans/s per core |');
console.log('|---|---|---|---|---|');
const sink = await startSink();

const silent = await measure({ OTEL_TRACES_SAMPLER: 'always_off', OTEL_EXPORTER_OTLP_ENDPOINT: sink.url });
row('not sampled', silent.cpuMicros / silent.spans);

const direct = await measure({ OTEL_EXPORTER_OTLP_ENDPOINT: sink.url });
row('sampled, sent to a receiver that only reads', direct.cpuMicros / direct.spans);
const bytesPerSpan = sink.bytes() / (direct.spans + WARM_UP_SPANS);

for (const config of ['collector.yaml', 'collector-tail-sampling.yaml']) {
  const collector = await startCollector(located.path, {
    jaeger: sink.url,
    config,
    env: { DECISION_WAIT: '1s' },
  });
  const cost = await measure({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlp }, collector.pid);
  if (cost.exported !== cost.spans || cost.lost > 0)
    throw new Error(`spans were lost: ${JSON.stringify(cost)}`);
  row(`through the Collector, \`${config}\``, cost.cpuMicros / cost.spans, cost.collectorMicros / cost.spans);
  await collector.stop();
  await collector.remove();
}
await sink.close();
console.log(`\n${Math.round(bytesPerSpan)} bytes a span on the wire, not compressed`);
