// `npm run soak`: serves 300 000 requests per adapter and fails when something is left behind.
// Arguments: the adapters to try, and `--requests 50000` for another number.
import { parseArgs } from 'node:util';
import { ADAPTERS, type Adapter, soak } from './soak.ts';

/** Bytes per request: 1 MB per million. */
const MAX_SLOPE = 1;

const { values, positionals } = parseArgs({
  options: { requests: { type: 'string', default: '300000' } },
  allowPositionals: true,
});
for (const adapter of positionals.length > 0 ? (positionals as Adapter[]) : ADAPTERS) {
  const { requests, left, listeners, heapSlope, warnings } = await soak(adapter, Number(values.requests));
  const faults = [
    left.started !== left.ended && `${left.started} spans started, ${left.ended} ended`,
    left.active !== 0 && `${left.active} requests under way for ever`,
    left.sockets !== 0 && `${left.sockets} connections open`,
    listeners.used > listeners.fresh && `${listeners.used - listeners.fresh} listeners left on a connection`,
    heapSlope > MAX_SLOPE && `the heap grows by ${heapSlope.toFixed(2)} MB per million requests`,
    ...warnings,
  ].filter(Boolean);
  console.log(
    `${adapter}: ${requests} requests, ${left.started} spans, heap ${heapSlope.toFixed(2)} MB per million, ` +
      (faults.length === 0 ? 'nothing left behind' : faults.join('; ')),
  );
  if (faults.length > 0) process.exitCode = 1;
}
