import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { rabbitmq } from './services/rabbitmq.ts';
import { redis } from './services/redis.ts';
import { urlVariable } from './services/service.ts';

const DEMO = join(import.meta.dirname, '../../examples/checkout/queue/demo.ts');
const absent = [rabbitmq, redis].map(urlVariable).filter((variable) => process.env[variable] === undefined);
const missing = absent.length > 0 ? `${absent.join(' and ')} not set` : undefined;

async function demo(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [DEMO, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, stdout, stderr };
}

/** The printed tree: one line for each span, with its depth. */
function tree(stdout: string): string[] {
  const rows = stdout.matchAll(/^ {2}([-|` ]*)([\w-]+ [A-Z]+ .*?) {2,}/gm);
  return [...rows].map(([, branches = '', label]) => `${branches.length / 3} ${label}`);
}

describe(`the demo with a queue${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  it.skipIf(missing)('prints one trace from the customer to the mail', async () => {
    const { code, stdout, stderr } = await demo(['--once']);
    expect(stderr).toBe('');
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('One connected trace: 6 services, 13 spans');
    const spans = tree(stdout);
    expect(spans.slice(0, 3)).toEqual([
      '0 gateway SERVER POST /checkout/:cart',
      '1 gateway CLIENT POST',
      '2 orders SERVER POST /orders',
    ]);
    // In between, orders asks inventory and pricing: the demo's own test looks at these.
    expect(spans.slice(7)).toEqual([
      '3 orders PRODUCER publish order.placed',
      '4 mailer CONSUMER process order.placed',
      '5 mailer PRODUCER add send-mail',
      '6 mail-worker CONSUMER process send-mail',
      '7 mail-worker CLIENT complete send-mail',
      '5 mailer CLIENT ack order.placed',
    ]);
  });

  it.skipIf(missing)('says which message nobody continues when a consumer is not traced', async () => {
    const { code, stdout } = await demo(['--once', '--break', 'forget-channel']);
    expect(code).toBe(1);
    expect(stdout).toContain('POST /checkout/42 answered 201');
    expect(stdout).toContain('2 separate traces');
    expect(stdout).toMatch(
      /\nTrace lost at the queue: no span continues 'publish order\.placed' of orders\.\n$/,
    );
    expect(tree(stdout).slice(7)).toEqual([
      '3 orders PRODUCER publish order.placed',
      '0 mailer PRODUCER add send-mail',
      '1 mail-worker CONSUMER process send-mail',
      '2 mail-worker CLIENT complete send-mail',
    ]);
  });
});

it('the demo with a queue tells in a line for each broker how to get it', async () => {
  const env = {
    PATH: '/nowhere',
    [urlVariable(rabbitmq)]: 'amqp://127.0.0.1:1',
    [urlVariable(redis)]: undefined,
  };
  const { code, stdout, stderr } = await demo(['--once'], env);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(
    /^redis-server is not installed: .*apt-get install redis-server.*TL_REDIS_URL=.*\n$/,
  );
});
