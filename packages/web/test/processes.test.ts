import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Seen {
  readonly traceId?: string;
  readonly spanId?: string;
  readonly traceFlags?: number;
  readonly parent?: string;
  readonly baggage?: string;
}

const TRACE = 'ab'.repeat(16);
const CALLER = 'cd'.repeat(8);
const processes: ChildProcess[] = [];
let front: string;

/** Starts the service in a process of its own, and returns its URL. */
async function start(sdk: 'sdk' | 'none', next?: string): Promise<string> {
  const file = join(import.meta.dirname, 'fixtures/service.ts');
  const child = spawn(process.execPath, [file, sdk, ...(next === undefined ? [] : [next])], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  processes.push(child);
  const [line] = await once(child.stdout, 'data');
  return String(line).trim();
}

async function seenFrom(headers: Record<string, string>): Promise<Seen[]> {
  return (await (await fetch(`${front}/items/1`, { headers })).json()) as Seen[];
}

beforeAll(async () => {
  front = await start('sdk', await start('none', await start('sdk')));
}, 30_000);
afterAll(() => {
  for (const child of processes) child.kill();
});

describe('three processes, of which the one in the middle has no SDK', () => {
  it('make one connected trace, and pass the baggage on', async () => {
    const [first, , last] = await seenFrom({
      traceparent: `00-${TRACE}-${CALLER}-01`,
      baggage: 'tenant=acme',
    });

    expect(first).toMatchObject({ traceId: TRACE, parent: CALLER, traceFlags: 1, baggage: 'tenant=acme' });
    expect(last).toMatchObject({ traceId: TRACE, traceFlags: 1, baggage: 'tenant=acme' });
    // Between the two stands the CLIENT span of the first.
    expect(last?.parent).toMatch(/^[0-9a-f]{16}$/);
    expect([CALLER, first?.spanId]).not.toContain(last?.parent);
  });

  it('keep an unsampled trace unsampled, under its id', async () => {
    const [first, , last] = await seenFrom({ traceparent: `00-${TRACE}-${CALLER}-00` });

    expect([first?.traceId, first?.traceFlags]).toEqual([TRACE, 0]);
    expect([last?.traceId, last?.traceFlags]).toEqual([TRACE, 0]);
  });

  it.each([
    ['malformed', `00-${TRACE}-short-01`],
    ['doubled', `00-${TRACE}-${CALLER}-01, 00-${TRACE}-${CALLER}-01`],
    ['oversized', `00-${TRACE}-${CALLER}-01-${'x'.repeat(6000)}`],
  ])('begin one new trace for a %s traceparent', async (_what, traceparent) => {
    const [first, , last] = await seenFrom({ traceparent });

    expect(first?.parent).toBeUndefined();
    expect(first?.traceId).not.toBe(TRACE);
    expect(last?.traceId).toBe(first?.traceId);
  });
});
