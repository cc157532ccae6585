/**
 * Runs the integration tests against brokers that it starts before and stops after:
 * `node test/integration/run.ts [service …] [-- what vitest takes]`.
 *
 * A service whose `TL_<NAME>_URL` is set is used where it is. One that cannot be started here is skipped by name, or
 * fails the run when `REQUIRE_SERVICES=1`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killLeftovers } from './services/own-process.ts';
import { type RunningService, type Service, urlVariable } from './services/service.ts';
import { SERVICES } from './services.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
const REPORT = join(REPOSITORY, '.reports/integration.json');

const args = process.argv.slice(2);
const separator = args.includes('--') ? args.indexOf('--') : args.length;
const names = args.slice(0, separator);
const unknown = names.filter((name) => !SERVICES.some((service) => service.name === name));
if (unknown.length > 0) {
  console.error(`No service ${unknown}. There are: ${SERVICES.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}

// What an earlier run reported must not be taken for this one's.
rmSync(REPORT, { force: true });
const runFolder = mkdtempSync(join(tmpdir(), 'throughline-'));
process.env.TL_RUN_FOLDER = runFolder;
const running: RunningService[] = [];
let skipped = 0;

process.exitCode = await run().finally(stopAll);

async function run(): Promise<number> {
  const interrupted = Promise.race(
    (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => once(process, signal).then(() => 130)),
  );
  const wanted = SERVICES.filter(({ name }) => names.length === 0 || names.includes(name));
  const started = await Promise.race([Promise.all(wanted.map(provide)), interrupted]);
  if (started === 130) {
    return started;
  }
  if (skipped > 0 && process.env.REQUIRE_SERVICES === '1') {
    console.error('REQUIRE_SERVICES is set and not every service is there.');
    return 1;
  }
  return Promise.race([vitest(args.slice(separator + 1)), interrupted]);
}

/** Puts the service's URL into the environment of the tests, or says why there is none. */
async function provide(service: Service): Promise<void> {
  const variable = urlVariable(service);
  const began = performance.now();
  const say = (what: string) => console.log(`${service.name.padEnd(12)} ${what}`);
  if (process.env[variable] !== undefined) {
    return say(`where ${variable} says`);
  }
  try {
    const missing = service.missing();
    if (missing !== undefined) {
      throw missing;
    }
    const instance = await service.start();
    running.push(instance);
    process.env[variable] = instance.url;
    say(`${instance.description}, ready after ${((performance.now() - began) / 1000).toFixed(2)} s`);
  } catch (reason) {
    skipped++;
    say(`skipped: ${reason}`);
  }
}

async function vitest(filters: readonly string[]): Promise<number> {
  const child = spawn(
    process.execPath,
    [
      ...[join(REPOSITORY, 'node_modules/vitest/vitest.mjs'), 'run', '--root', import.meta.dirname],
      // Verbose, because the default leaves out the titles of skipped tests, which say why.
      ...['--reporter=verbose', '--reporter=json'],
      `--outputFile.json=${REPORT}`,
      ...filters,
    ],
    { stdio: 'inherit' },
  );
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

async function stopAll(): Promise<void> {
  await Promise.all(running.map((instance) => instance.stop()));
  killLeftovers(runFolder);
  rmSync(runFolder, { recursive: true, force: true });
}
