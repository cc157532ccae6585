import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';

const DEMO = fileURLToPath(new URL('../../examples/checkout/demo.ts', import.meta.url));
const DEADLINE = 10_000;

interface Run {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<number | null>;
}

let running: Run | undefined;
afterEach(async () => {
  running?.child.kill('SIGKILL');
  await running?.ended;
});

function demo(args: string[], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [DEMO, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    output.stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  running = { child, output, ended };
  return running;
}

/** Resolves once stdout matches; rejects when the demo ends first or the deadline passes. */
async function printed({ child, output, ended }: Run, pattern: RegExp) {
  const gone = ended.then((code) => {
    throw new Error(`ended with ${code} before printing ${pattern}:\n${output.stdout}${output.stderr}`);
  });
  gone.catch(() => {});
  const signal = AbortSignal.timeout(DEADLINE);
  for (;;) {
    const match = pattern.exec(output.stdout);
    if (match) return match;
    await Promise.race([once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data', { signal }), gone]);
  }
}

/** Resolves with those of `pids` that are still alive when all are gone or the deadline has passed. */
async function untilGone(pids: number[]) {
  // A zombie has ended; that nobody has asked for its exit code yet is not its fault.
  const alive = (pid: number) => existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) Z /s.test(stat(pid));
  const deadline = Date.now() + DEADLINE;
  while (pids.some(alive) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  return pids.filter(alive);
}

// Processes are looked up in /proc.
const onLinux = test.skipIf(process.platform !== 'linux');
if (process.platform !== 'linux')
  console.log('skipped here: tests of which processes are left, because they read /proc');

/** The demo's children, from the kernel: the demo itself must not be the witness. */
function childrenOf(pid: number | undefined): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((child) => new RegExp(`^\\d+ \\(.*\\) \\S ${pid} `, 's').test(stat(child)));
}

/** Empty for a process that has gone. */
function stat(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}

describe('demo --once', () => {
  test('exits 0 and prints one connected trace', async () => {
    const run = demo(['--once']);
    expect(await run.ended, run.output.stderr).toBe(0);
    expect(run.output.stderr).toBe('');
    expect(run.output.stdout).toContain('POST /checkout/42 answered 201');
    expect(run.output.stdout).toContain('One connected trace: 4 services, 7 spans.');
    const tree = run.output.stdout
      .split('\n')
      .flatMap((line) => /^ {2}([-|` ]*\w+ (?:SERVER|CLIENT) .*?) {2,}/.exec(line)?.[1] ?? []);
    // The two calls run in parallel: which one is first is for the scheduler to say.
    const [stock, price] = [
      ['orders CLIENT GET', 'inventory SERVER GET /stock/:sku'],
      ['orders CLIENT GET', 'pricing SERVER GET /prices/:sku'],
    ].map(([client, server]) => [client, server]);
    const names = tree.map((line) => line.replace(/^[-|` ]+/, ''));
    expect(names.slice(0, 3)).toEqual([
      'gateway SERVER POST /checkout/:cart',
      'gateway CLIENT POST',
      'orders SERVER POST /orders',
    ]);
    expect([
      [stock, price],
      [price, stock],
    ]).toContainEqual([names.slice(3, 5), names.slice(5, 7)]);
    expect(tree.map((line) => line.search(/\w/))).toEqual([0, 3, 6, 9, 12, 9, 12]);
  });

  test('with hops, continues the trace by gRPC and over a WebSocket', async () => {
    const run = demo(['--once', '--hops']);
    expect(await run.ended, run.output.stderr).toBe(0);
    expect(run.output.stdout).toMatch(/One connected trace: \d+ services, \d+ spans\./);
    expect(run.output.stdout).toMatch(
      /inventory SERVER GET \/stock\/:sku .*\n.*`- inventory CLIENT demo\.Warehouse\/Count .*\n.*`- warehouse SERVER demo\.Warehouse\/Count /,
    );
    expect(run.output.stdout).toMatch(
      /pricing PRODUCER send \/discounts .*\n.*`- discounts CONSUMER process \/discounts .*\n.*`- discounts PRODUCER send \/discounts .*\n.*`- pricing CONSUMER process \/discounts /,
    );
  });

  test('with a header-stripping proxy exits 1 and names the hop', async () => {
    const run = demo(['--once', '--break', 'strip-headers']);
    expect(await run.ended, run.output.stderr).toBe(1);
    expect(run.output.stdout).toContain('answered 201');
    expect(run.output.stdout).toContain(
      '2 separate traces: split between gateway and orders (4 services, 7 spans).',
    );
    expect(run.output.stdout).toContain('trace lost here: gateway -> orders');
  });

  test('prints no escape sequence when piped', async () => {
    const run = demo(['--once']);
    await run.ended;
    expect(run.output.stdout).toMatch(/^[\n -~]+$/);
    expect(stripVTControlCharacters(run.output.stdout)).toBe(run.output.stdout);
  });
});

describe('demo', () => {
  onLinux.each([
    ['SIGINT', 0],
    ['SIGTERM', 0],
    ['SIGKILL', null],
  ] as const)('goes on printing traces until %s, and leaves no process behind', async (signal, code) => {
    const run = demo([]);
    const [, url] = await printed(run, /curl -X POST (\S+)\/checkout\/43/);
    const pids = childrenOf(run.child.pid);
    expect(pids).toHaveLength(4);
    const body = JSON.stringify({ items: [{ sku: 'nothing', quantity: 1 }] });
    const answer = await fetch(`${url}/checkout/43`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(answer.status).toBe(422);
    await printed(run, /inventory SERVER GET \/stock\/:sku .*404[\s\S]*One connected trace[\s\S]*\n/);
    // To the whole group, as a terminal does with Ctrl-C.
    process.kill(-(run.child.pid ?? Number.NaN), signal);
    expect(await run.ended).toBe(code);
    expect(run.output.stderr).toBe('');
    expect(await untilGone(pids)).toEqual([]);
  });

  test('that is broken prints each request with both its halves', async () => {
    const run = demo(['--break', 'strip-headers']);
    const [, url] = await printed(run, /curl -X POST (\S+)\/checkout\/43/);
    const before = run.output.stdout.length;
    const send = (cart: string) =>
      fetch(`${url}/checkout/${cart}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ items: [{ sku: 'tea', quantity: 1 }] }),
      });
    await Promise.all(['a', 'b', 'c'].map(send));
    await printed(run, /(?:split between gateway and orders[\s\S]*){4}/);
    const verdicts = run.output.stdout.slice(before).match(/^.*(?:separate traces|connected trace).*$/gm);
    expect(verdicts).toEqual(
      Array(3).fill('2 separate traces: split between gateway and orders (4 services, 7 spans).'),
    );
  });

  onLinux('stopped while it starts leaves no process behind', async () => {
    const run = demo([]);
    let pids: number[] = [];
    while (pids.length < 4) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      pids = childrenOf(run.child.pid);
    }
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(await untilGone(pids)).toEqual([]);
  });

  test('tells which service does not start, and why', async () => {
    const fault = "if(process.argv[1].endsWith('orders.ts'))throw(Error('no%20disk'))";
    const inherited = process.env.NODE_OPTIONS ?? '';
    const run = demo(['--once'], { NODE_OPTIONS: `${inherited} --import=data:text/javascript,${fault}` });
    expect(await run.ended).toBe(1);
    expect(run.output.stderr).toContain('orders did not start.');
    expect(run.output.stderr).toContain('Error: no disk');
  });

  onLinux('tells which service ended while it ran, and stops the others', async () => {
    const run = demo([]);
    await printed(run, /curl -X POST/);
    const pids = childrenOf(run.child.pid);
    const pricing =
      pids.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('pricing.ts')) ?? 0;
    process.kill(pricing, 'SIGKILL');
    expect(await run.ended).toBe(1);
    expect(run.output.stderr).toBe('pricing ended unexpectedly.\n(exit SIGKILL)\n');
    expect(await untilGone(pids)).toEqual([]);
  });

  test.each([[['--what']], [['--break', 'glass']], [['--break']], [['extra']]])(
    'explains itself when asked for %j',
    async (args) => {
      const run = demo(args);
      expect(await run.ended).toBe(2);
      expect(run.output.stderr).toContain('Usage: npm run demo');
      expect(run.output.stdout).toBe('');
    },
  );

  test('--help is an answer, not an error', async () => {
    const run = demo(['--help']);
    expect(await run.ended).toBe(0);
    expect(run.output.stdout).toContain('Usage: npm run demo');
  });
});
