// One server in a process of its own: `server.ts <framework> <variant file>`. Driven by messages from the parent.
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { exported } from './exported.ts';
import { createMeasured, sendJson, work } from './frameworks.ts';
import { cpuProfile, heapProfile } from './profilers.ts';
import type { Framework, Variant } from './variant.ts';

const [framework, file] = process.argv.slice(2) as [Framework, string];
const variant = ((await import(`../variants/${file}`)) as { default: Variant }).default;
await variant.start?.(framework);

/** Between two looks at how late the loop is. */
const RESOLUTION_MS = 1;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

const commands: { [name: string]: (argument: unknown) => unknown } = {
  sampled: (sampled) => variant.setSampled?.(sampled as boolean),
  usage() {
    const { userCPUTime, systemCPUTime } = process.resourceUsage();
    return { cpu: userCPUTime + systemCPUTime, count: work.served, exported: exported.count };
  },
  async spans() {
    await exported.flush();
    await new Promise((resolve) => setTimeout(resolve, 20));
    return { count: exported.count, spans: exported.spans.splice(0) };
  },
  heap() {
    for (let run = 0; run < 4; run++) globalThis.gc?.();
    return { used: process.memoryUsage().heapUsed, held: work.held.length };
  },
  /** The 99th percentile since it was last asked for, from when it is first asked for. */
  lateness() {
    delay.enable();
    const late = delay.percentile(99) / 1e6 - RESOLUTION_MS;
    delay.reset();
    return late;
  },
  cpuProfile: (ms) => cpuProfile(ms as number, () => work.served),
  heapProfile: (ms) => heapProfile(ms as number, () => work.served),
  release() {
    for (const res of work.held.splice(0)) sendJson(res, { id: 'held' });
  },
};

process.on(
  'message',
  async ({ id, command, argument }: { id: number; command: string; argument: unknown }) => {
    process.send?.({ id, answer: await commands[command]?.(argument) });
  },
);
process.on('disconnect', () => process.exit());

const server = await createMeasured(framework, variant);
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', 4096, () => process.send?.({ ready: (server.address() as AddressInfo).port }));
