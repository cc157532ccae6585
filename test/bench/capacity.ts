import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BARE, OFFICIAL, OURS } from './contenders.ts';
import type { Row } from './duel-table.ts';
import { FRAMEWORK_TITLES, type Results } from './results.ts';

/** Assumptions, each stated on the page. */
const HANDLER_MS = [0, 0.2, 1];
const SHARES = [1, 0.1, 0.01];
const RATES = [10_000, 1_000_000];
const SPANS_PER_REQUEST = 3;
const BYTES_PER_SPAN = 600;
const COLLECTOR_SPANS_PER_CORE = 10_000;

const number = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });

/** Writes docs/capacity.md from the measured figures; nothing without them. */
export function writeCapacity(repository: string, parts: Results): void {
  const frameworks = Object.entries(FRAMEWORK_TITLES).flatMap(([name, title]) => {
    const rows = parts[name]?.rows ?? [];
    const [bare, ours, official] = [BARE, OURS, OFFICIAL].map((id) => rows.find((row) => row.id === id));
    return bare && ours && official ? [{ title, bare, ours, official }] : [];
  });
  const part = parts.express ?? parts.http;
  if (frameworks.length === 0 || part === undefined) return;
  const page = `# Capacity

Calculated from the figures of [performance.md](performance.md) (${part.date}, ${part.machine}). They come from one
machine: the shares apply to another machine better than the absolute numbers.

## What one core serves

Requests per second on one core, with nothing in the handler but a small JSON answer, and with a handler that needs
0.2 or 1 ms of CPU for work of its own.

| | CPU of the handler | without tracing | Throughline, unsampled | Throughline, sampled | OpenTelemetry instrumentation, sampled |
|---|---:|---:|---:|---:|---:|
${frameworks.flatMap(perCore).join('\n')}

## What a rate costs

Cores for tracing alone: rate × (share sampled × µs sampled + rest × µs unsampled).

| | sampled | ${RATES.map((rate) => `cores at ${number.format(rate)} requests/s`).join(' | ')} | the same with OpenTelemetry instrumentation |
|---|---:|${'---:|'.repeat(RATES.length + 1)}
${frameworks.flatMap(perRate).join('\n')}

Serving the requests themselves, with a bare handler, takes ${frameworks
    .map(
      ({ title, bare }) =>
        `${RATES.map((rate) => number.format((rate * bare.sampled.base) / 1e6)).join(' and ')} cores on ${title}`,
    )
    .join(', ')}.

## What sampling and a Collector tier do

Unsampled requests still pay for reading and passing on the context, so sampling lowers the cost to the unsampled figure
and not to zero. Everything behind the process becomes cheaper in proportion: encoding, network, Collector and storage.

Assumed here, not measured: ${SPANS_PER_REQUEST} spans per request, ${BYTES_PER_SPAN} bytes per encoded span, and a
Collector that takes ${number.format(COLLECTOR_SPANS_PER_CORE)} spans per second on a core.

| requests/s | sampled | spans/s | Mbit/s to the Collector | Collector cores |
|---:|---:|---:|---:|---:|
${RATES.flatMap(collector).join('\n')}

- **Head sampling in the service** (parent-based, by ratio) lowers the cost of every stage. It decides before the outcome is
  known.
- **Tail sampling in the Collector** needs every span: services pay the sampled figure for each request, and the
  first row gives the size of the Collector. All spans of a trace must reach one Collector: a first tier routes by trace id.
- **Batches, not spans, cost the event loop**: the batch processor exports 512 spans at once. When the Collector stalls,
  the queue drops spans (2048 by default) and not requests.

Encoding for OTLP is not in these figures, because the exporter drops spans. It adds a cost to sampled requests only, the same
per span with every variant.
`;
  writeFileSync(join(repository, 'docs/capacity.md'), page);
}

interface Measured {
  readonly title: string;
  readonly bare: Row;
  readonly ours: Row;
  readonly official: Row;
}

function perCore({ title, bare, ours, official }: Measured): string[] {
  const base = bare.sampled.base;
  return HANDLER_MS.map((ms) => {
    const own = base + ms * 1000;
    const served = [0, ours.unsampled.added, ours.sampled.added, official.sampled.added].map((added) => {
      const rate = number.format(1e6 / (own + added));
      return added === 0 ? rate : `${rate} (−${((100 * added) / (own + added)).toFixed(1)} %)`;
    });
    return `| ${title} | ${ms} ms | ${served.join(' | ')} |`;
  });
}

function perRate({ title, ours, official }: Measured): string[] {
  return SHARES.map((share) => {
    const cores = (row: Row, rate: number) =>
      number.format((rate * (share * row.sampled.added + (1 - share) * row.unsampled.added)) / 1e6);
    const theirs = RATES.map((rate) => cores(official, rate)).join(' and ');
    return `| ${title} | ${share * 100} % | ${RATES.map((rate) => cores(ours, rate)).join(' | ')} | ${theirs} |`;
  });
}

function collector(rate: number): string[] {
  return SHARES.map((share) => {
    const spans = rate * share * SPANS_PER_REQUEST;
    const megabits = (spans * BYTES_PER_SPAN * 8) / 1e6;
    return `| ${number.format(rate)} | ${share * 100} % | ${number.format(spans)} | ${number.format(megabits)} | ${number.format(spans / COLLECTOR_SPANS_PER_CORE)} |`;
  });
}
