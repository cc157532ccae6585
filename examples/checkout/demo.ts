import { EventEmitter, once } from 'node:events';
import { parseArgs } from 'node:util';
import {
  groupTraces,
  judge,
  overlapping,
  renderTraces,
  type Trace,
  treeStyleFor,
} from '@throughline/trace-tree';
import { type CheckoutSystem, type QueueOptions, startCheckoutSystem } from './checkout-system.ts';
import { STRIPPED_HEADERS } from './header-stripping-proxy.ts';
import { lostMessages } from './lost-messages.ts';
import { startTraceReceiver, type TraceReceiver } from './trace-receiver.ts';

const USAGE = `Usage: npm run demo -- [--once] [--break strip-headers]
       npm run demo:hops -- [--once] [--break strip-headers]
       npm run demo:queue -- [--once] [--break strip-headers | --break forget-channel]

Starts four services, sends one checkout request through them and prints its trace. With hops, the request continues
in a service that is called by gRPC and in one that is asked over a WebSocket. With the queue, two more services mail
the customer, through RabbitMQ and Redis.

  --once                  print that trace and stop; exit 0 only if it is one connected trace
  --break strip-headers   put a proxy that drops ${STRIPPED_HEADERS.join(', ')} between gateway and orders
  --break forget-channel  leave out traceChannel() where the order is read from the queue
  --help                  print this
`;

const ORDER = JSON.stringify({ items: [{ sku: 'tea', quantity: 2 }] });

const COUNTS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];

/** The number of simultaneous traces beyond which each is printed on its own. */
const BUSY = 50;
const MAX_SPANS = 5_000;
/** In milliseconds. */
const FIRST_TRACE_DEADLINE = 10_000;

const options = readOptions();
const style = treeStyleFor(process.stdout, process.env);
const dot = style.fancy ? '·' : '-';
const printed = new Map<string, number>();
let starting: Promise<CheckoutSystem> | undefined;
let receiver: TraceReceiver | undefined;
let ending: Promise<never> | undefined;
const interrupted = new AbortController();
const firstPrinted = new EventEmitter();

// Not once: a signal comes twice when a terminal and the process that started this both send it.
process.on('SIGINT', () => end(0));
process.on('SIGTERM', () => end(0));
// The reader of a pipe may leave early, as `head` does.
process.stdout.on('error', () => end(0));

try {
  await run();
} catch (error) {
  if (!ending) console.error(error instanceof Error ? error.message : error);
  await end(1);
}

async function run() {
  receiver = await startTraceReceiver({
    maxSpans: MAX_SPANS,
    ...(!options.once && { onSettled: printSettled }),
  });
  starting = startCheckoutSystem({
    otlpEndpoint: receiver.url,
    stripHeaders: options.breakAt === 'strip-headers',
    queue: options.queue,
    hops: options.hops,
    signal: interrupted.signal,
    onCrash(service, stderr) {
      console.error(`${service} ended unexpectedly.\n${stderr}`);
      void end(1);
    },
  });
  const system = await starting;
  introduce(system);
  const answer = await fetch(`${system.urls.gateway}/checkout/42`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: ORDER,
  });
  await answer.arrayBuffer();
  print(`POST /checkout/42 answered ${answer.status}\n\n`);
  if (options.once) return judgeOnce(system, receiver, answer.ok);

  const timer = setTimeout(
    () => firstPrinted.emit('error', new Error('No trace arrived.')),
    FIRST_TRACE_DEADLINE,
  );
  if (printed.size === 0) await once(firstPrinted, 'printed');
  clearTimeout(timer);
  inviteToTry(system.urls.gateway);
}

async function judgeOnce(system: CheckoutSystem, receiver: TraceReceiver, answered: boolean) {
  // Work behind a queue continues after the answer. A service that does not report in time is named below.
  if (options.queue) await receiver.waitFor(everyoneSettled(system, receiver)).catch(() => {});
  // A service exports what it still holds before it ends, so that nothing can arrive after this.
  await system.stop();
  const traces = receiver.traces();
  const verdict = judge(traces);
  print(report(traces));
  const services = new Set(traces.flatMap((trace) => trace.services));
  const absent = system.services.filter(({ name }) => !services.has(name));
  if (absent.length > 0) print(`No span was received from ${absent.map(({ name }) => name).join(', ')}.\n`);
  await end(verdict.connected && absent.length === 0 && answered ? 0 : 1);
}

/** Returns a function that returns `true` when each service has a span and no trace is still arriving. */
function everyoneSettled({ services }: CheckoutSystem, receiver: TraceReceiver) {
  return (traces: readonly Trace[]) => {
    const reported = new Set(traces.flatMap((trace) => trace.services));
    const everyone = services.every(({ name }) => reported.has(name));
    return (everyone && traces.every(({ traceId }) => receiver.isSettled(traceId))) || undefined;
  };
}

function introduce({ services, proxyUrl }: CheckoutSystem) {
  const columns = Math.max(10, ...services.map(({ name }) => name.length));
  const lines = services.map(
    ({ name, framework, address }) => `  ${name.padEnd(columns)} ${framework.padEnd(10)} ${address}\n`,
  );
  const count = COUNTS[services.length] ?? services.length;
  print(`Throughline demo ${dot} ${count} services, each its own process\n${lines.join('')}`);
  if (proxyUrl) print(`  between gateway and orders, ${proxyUrl} drops ${STRIPPED_HEADERS.join(', ')}\n`);
  if (options.queue?.forgetChannel) print('  mailer reads from a channel without traceChannel()\n');
  print('\n');
}

/**
 * Prints a trace together with those that it was torn from. A trace that ran at the same time and is still arriving may
 * be the other half; then both are printed when that one has settled.
 */
function printSettled(settled: Trace) {
  const near = overlapping(receiver?.traces() ?? [], settled);
  const whole = near.filter((trace) => receiver?.isSettled(trace.traceId));
  // Under load some trace is always arriving, and waiting for the other half would print nothing at all.
  const busy = near.length > BUSY;
  if (!busy && whole.length < near.length) return;
  for (const group of busy ? whole.map((trace) => [trace]) : groupTraces(near)) {
    if (group.every((trace) => printed.get(trace.traceId) === trace.rows.length)) continue;
    for (const trace of group) printed.set(trace.traceId, trace.rows.length);
    for (const [oldest] of printed) {
      if (printed.size <= MAX_SPANS) break;
      printed.delete(oldest);
    }
    print(`${report(group)}\n`);
    firstPrinted.emit('printed');
  }
}

function report(traces: readonly Trace[]): string {
  const lost = lostMessages(traces).map(
    ({ service, name }) => `Trace lost at the queue: no span continues '${name}' of ${service}.\n`,
  );
  return `${renderTraces(traces, style)}\n${judge(traces).text}\n${lost.join('')}`;
}

function inviteToTry(gateway: string) {
  const seconds = (performance.now() / 1000).toFixed(2);
  print(
    `First trace after ${seconds} s. Now try it; every further trace is printed here, and Ctrl-C stops everything:\n\n` +
      `  curl -X POST ${gateway}/checkout/43 -H 'content-type: application/json' -d '${ORDER}'\n\n`,
  );
}

function print(text: string) {
  process.stdout.write(text);
}

function end(code: number): Promise<never> {
  ending ??= (async () => {
    interrupted.abort();
    // When an interrupted start rejects, it has already stopped what it had started.
    await starting?.then(
      (system) => system.stop(),
      () => {},
    );
    await receiver?.close();
    process.exit(code);
  })();
  return ending;
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        once: { type: 'boolean' },
        break: { type: 'string' },
        queue: { type: 'boolean' },
        hops: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    const breaks = values.queue ? ['strip-headers', 'forget-channel'] : ['strip-headers'];
    if (values.break !== undefined && !breaks.includes(values.break)) {
      throw new TypeError(`--break must be ${breaks.join(' or ')}, got '${values.break}'`);
    }
    return {
      once: values.once === true,
      breakAt: values.break,
      hops: values.hops === true,
      queue: values.queue ? readQueue(values.break === 'forget-channel') : undefined,
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exit(2);
  }
}

function readQueue(forgetChannel: boolean): QueueOptions {
  const { RABBITMQ_URL: rabbitmqUrl, REDIS_URL: redisUrl } = process.env;
  if (!rabbitmqUrl || !redisUrl)
    throw new TypeError('--queue needs RABBITMQ_URL and REDIS_URL; npm run demo:queue sets them');
  return { rabbitmqUrl, redisUrl, forgetChannel };
}
