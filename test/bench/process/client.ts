// Outgoing calls in a process of its own: `client.ts <variant file>`; calls BENCH_ORIGIN in a closed loop.
import { exported } from './exported.ts';
import type { Variant } from './variant.ts';

const [file] = process.argv.slice(2) as [string];
const variant = ((await import(`../variants/${file}`)) as { default: Variant }).default;
const origin = process.env.BENCH_ORIGIN ?? '';
await variant.start?.('http');
const call = variant.call ?? ((url: string) => fetch(url));
const inCaller = variant.inCaller?.bind(variant) ?? ((_traceparent: string, fn: () => Promise<void>) => fn());

let count = 0;
let flags = '01';
let stopped = false;

async function once(): Promise<void> {
  const response = await call(origin);
  await response.arrayBuffer();
  count++;
}

async function loop(): Promise<void> {
  for (let turn = 1; !stopped; turn++) {
    const id = turn.toString(16).padStart(16, '0');
    await inCaller(`00-0af7651916cd43dd${id}-b7ad6b7169203331-${flags}`, once);
  }
}

const commands: { [name: string]: (argument: unknown) => unknown } = {
  start(connections) {
    for (let n = 0; n < (connections as number); n++) void loop();
  },
  once: (traceparent) => inCaller(traceparent as string, once),
  sampled(sampled) {
    flags = sampled === true ? '01' : '00';
  },
  usage() {
    const { userCPUTime, systemCPUTime } = process.resourceUsage();
    return { cpu: userCPUTime + systemCPUTime, count, exported: exported.count };
  },
  async spans() {
    await exported.flush();
    return { count: exported.count, spans: exported.spans.splice(0) };
  },
  stop() {
    stopped = true;
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
