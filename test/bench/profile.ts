/**
 * Where the CPU time of one server goes: `node test/bench/profile.ts [framework] [variant file] [sampled|unsampled]`.
 *
 * Prints µs per request of each package and of each function by its own time, and the bytes that each function
 * allocated, from the sampling profilers of V8. Absolute figures are larger than a duel's: profiling costs too.
 */
import { sleep, startChild } from './child.ts';
import { type InstallationName, installAll } from './installation.ts';

const [framework = 'http', file = 'throughline.ts', mode = 'sampled', name = 'otel'] = process.argv.slice(2);
const { installations, missing } = await installAll([name as InstallationName]);
const installation = installations.get(name);
if (installation === undefined) throw new Error(`${name}: ${missing.get(name)}`);

const server = await startChild('measured', installation.folder, 'server.ts', [framework, file]);
const load = await startChild('loading', import.meta.dirname, 'load.ts');
try {
  const sampled = mode === 'sampled';
  await server.ask('sampled', sampled);
  await load.ask('start', { port: server.port, sampled });
  await sleep(2500);
  const cpu = await server.ask<{ rows: [string, number][]; count: number }>('cpuProfile', 3000);
  const heap = await server.ask<{ rows: [string, number][]; count: number }>('heapProfile', 2000);
  print(`µs per request, ${framework} ${file} ${mode}`, cpu, 0.05);
  print('bytes allocated per request', heap, 20);
} finally {
  await Promise.all([server.stop(), load.stop()]);
}

function print(
  title: string,
  { rows, count }: { rows: [string, number][]; count: number },
  least: number,
): void {
  const per = new Map<string, number>();
  const packages = new Map<string, number>();
  let total = 0;
  for (const [where, amount] of rows) {
    const share = amount / count;
    total += share;
    per.set(where, (per.get(where) ?? 0) + share);
    const home =
      /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(where)?.[1] ?? /(node:\w+|\(\w[^)]*\))/.exec(where)?.[1];
    packages.set(home ?? 'other', (packages.get(home ?? 'other') ?? 0) + share);
  }
  console.log(`\n## ${title}: ${total.toFixed(2)} (${count} requests)`);
  for (const table of [packages, per]) {
    console.log();
    for (const [where, amount] of [...table].sort((a, b) => b[1] - a[1]))
      if (amount >= least) console.log(`${amount.toFixed(2).padStart(9)}  ${where}`);
  }
}
