// What outgoing calls and messages cost in one process, without a network: `calls.ts <subject> <variant file> <counts> [mode]`.
// Prints JSON.
import { type Counts, costOf } from './in-memory/measure.ts';
import { serveInMemory } from './in-memory/origin.ts';
import type { Variant } from './variant.ts';

const [subject = '', file = '', counts = '{}', mode = 'sampled'] = process.argv.slice(2);
const TRACEPARENT = `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${mode === 'sampled' ? '01' : '00'}`;

const operation = await (subject === 'fetch' || subject === 'interceptor' ? outgoing() : message());
console.log(JSON.stringify(await costOf(operation, JSON.parse(counts) as Counts)));
process.exit();

async function outgoing(): Promise<() => Promise<unknown>> {
  const { default: variant } = (await import(`../variants/${file}`)) as { default: Variant };
  await variant.start?.('http');
  await serveInMemory();
  const call = variant.call ?? ((url: string) => fetch(url));
  let read: (run: () => Promise<void>) => Promise<void> = (run) => run();
  // Once for all calls: what the caller's own context costs is not the client's.
  await variant.inCaller?.(TRACEPARENT, async () => {
    const { context } = await import('@opentelemetry/api');
    const active = context.active();
    read = (run) => context.with(active, run);
  });
  const once = async () => {
    await (await call('http://stock.example/items/42?color=blue')).arrayBuffer();
  };
  return () => read(once);
}

async function message(): Promise<() => Promise<unknown>> {
  const { default: variant } = await import(`../messages/${file}.mjs`);
  const tracing = await variant.start(subject);
  const { default: double } = await import(`../messages/in-memory/${subject}.mjs`);
  const client = await double.connect(tracing);
  let handled = () => {};
  await client.consume(async () => handled());
  let read: (run: () => Promise<unknown>) => Promise<unknown> = (run) => run();
  if (variant.expects.spans) {
    const { context, propagation, ROOT_CONTEXT } = await import('@opentelemetry/api');
    const active = propagation.extract(ROOT_CONTEXT, { traceparent: TRACEPARENT, baggage: 'tenant=acme' });
    read = (run) => context.with(active, run);
  }
  const body = Buffer.alloc(200, 'x');
  return async () => {
    const done = new Promise<void>((resolve) => {
      handled = resolve;
    });
    await read(() => client.send(body));
    await done;
    // What follows the handler: the acknowledgement, the end of its span.
    await new Promise((resolve) => setImmediate(resolve));
  };
}
