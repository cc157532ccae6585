/**
 * Starts the brokers, runs the demo with the queue, and stops the brokers:
 * `node examples/checkout/queue/demo.ts [options of the demo]`.
 *
 * A broker whose `TL_<NAME>_URL` is set is not started; the one at that address is used.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killLeftovers } from '../../../test/integration/services/own-process.ts';
import { rabbitmq } from '../../../test/integration/services/rabbitmq.ts';
import { redis } from '../../../test/integration/services/redis.ts';
import {
  type RunningService,
  type Service,
  urlVariable,
} from '../../../test/integration/services/service.ts';

const DEMO = join(import.meta.dirname, '../demo.ts');

/** Each broker with the variable that names it to services, and with how to get it if it cannot be started. */
const BROKERS: readonly [Service, variable: string, install: string, url: string][] = [
  [rabbitmq, 'RABBITMQ_URL', 'apt-get install rabbitmq-server', 'amqp://guest:guest@127.0.0.1:5672'],
  [redis, 'REDIS_URL', 'apt-get install redis-server', 'redis://127.0.0.1:6379'],
];

const runFolder = mkdtempSync(join(tmpdir(), 'throughline-'));
process.env.TL_RUN_FOLDER = runFolder;
const running: RunningService[] = [];
const interrupted = new Promise<void>((resolve) => {
  // Each may arrive more than once, and must not end this process before the brokers have ended.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
});

process.exitCode = await run().finally(stopAll);

async function run(): Promise<number> {
  const missing = BROKERS.map(whyMissing).filter((line) => line !== undefined);
  if (missing.length > 0) {
    console.error(missing.join('\n'));
    return 1;
  }
  const started = Promise.all(BROKERS.map(provide));
  if ((await Promise.race([started, interrupted.then(() => 'interrupted')])) === 'interrupted') return 0;

  const child = spawn(process.execPath, [DEMO, '--queue', ...process.argv.slice(2)], { stdio: 'inherit' });
  // The demo stops its services and then ends by itself.
  void interrupted.then(() => child.kill('SIGTERM'));
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

function whyMissing([service, , install, url]: (typeof BROKERS)[number]): string | undefined {
  const reason = process.env[urlVariable(service)] === undefined ? service.missing() : undefined;
  return (
    reason &&
    `${reason}: install it (Debian: ${install}), or start one by 'docker compose up -d --wait ${service.name}' ` +
      `and set ${urlVariable(service)}=${url}`
  );
}

/** Starts the broker if necessary, and puts its URL into the environment of the demo. */
async function provide([service, variable]: (typeof BROKERS)[number]): Promise<void> {
  const given = process.env[urlVariable(service)];
  if (given !== undefined) {
    process.env[variable] = given;
    return;
  }
  const began = performance.now();
  const broker = await service.start();
  running.push(broker);
  process.env[variable] = broker.url;
  console.log(`${broker.description} ready after ${((performance.now() - began) / 1000).toFixed(2)} s`);
}

async function stopAll(): Promise<void> {
  await Promise.all(running.map((broker) => broker.stop()));
  killLeftovers(runFolder);
  rmSync(runFolder, { recursive: true, force: true });
}
