// Messages in a process of its own: `messages.ts <client> <variant>`. Sends to itself through BROKER_URL, 32 under way.
import { exported } from './exported.ts';

/** A client with one destination of its own. */
interface MessageClient {
  send(body: Buffer): Promise<unknown>;
  consume(handler: () => Promise<void>): Promise<unknown>;
}

const UNDER_WAY = 32;
const [client = '', file = ''] = process.argv.slice(2);
// Variants load their instrumentation before the client is loaded.
const { default: variant } = await import(`../messages/${file}.mjs`);
const tracing = await variant.start(client);
const { default: kind } = await import(`../messages/${client}.mjs`);
const connection: MessageClient = await kind.connect(process.env.BROKER_URL, tracing);
const inCaller = await callers();

let count = 0;
let flags = '01';
let active: string | undefined;
const body = Buffer.alloc(200, 'x');

/** Runs `fn` as a service would that handles a request; with no tracing there is nothing to run it in. */
async function callers(): Promise<(turn: number, fn: () => Promise<unknown>) => Promise<unknown>> {
  if (!variant.expects.spans) return (_turn, fn) => fn();
  const { context, propagation, ROOT_CONTEXT } = await import('@opentelemetry/api');
  return (turn, fn) => {
    const id = turn.toString(16).padStart(16, '0');
    const headers = {
      traceparent: `00-0af7651916cd43dd${id}-b7ad6b7169203331-${flags}`,
      baggage: 'tenant=acme',
    };
    return context.with(propagation.extract(ROOT_CONTEXT, headers), fn);
  };
}

let turn = 0;
const sendOne = () => inCaller(++turn, () => connection.send(body));

await connection.consume(async () => {
  if (process.env.BENCH_CHECK === '1') {
    const { trace } = await import('@opentelemetry/api');
    active = trace.getActiveSpan()?.spanContext().traceId;
  }
  count++;
  // The next one is sent once this one is done, as by another request.
  if (started) setImmediate(sendOne);
});

let started = false;
const commands: { [name: string]: (argument: unknown) => unknown } = {
  async start() {
    started = true;
    for (let n = 0; n < UNDER_WAY; n++) await sendOne();
  },
  sampled(sampled) {
    flags = sampled === true ? '01' : '00';
  },
  /** One message there and back: the trace it was sent in and the one it was handled in. */
  async once() {
    const before = count;
    await sendOne();
    while (count === before) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await exported.flush();
    const sent = `0af7651916cd43dd${turn.toString(16).padStart(16, '0')}`;
    return { sent, active, spans: exported.spans.splice(0) };
  },
  usage() {
    const { userCPUTime, systemCPUTime } = process.resourceUsage();
    return { cpu: userCPUTime + systemCPUTime, count, exported: exported.count };
  },
};

process.on(
  'message',
  async ({ id, command, argument }: { id: number; command: string; argument: unknown }) => {
    process.send?.({ id, answer: await commands[command]?.(argument) });
  },
);
process.on('disconnect', () => process.exit());
process.send?.({ ready: 0 });
