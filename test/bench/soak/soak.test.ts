import { expect, test, vi } from 'vitest';
import { ADAPTERS, soak } from './soak.ts';

// Each starts a process, and the machine may be busy with others.
vi.setConfig({ testTimeout: 60_000 });

// The heap is for `npm run soak`: what 1 000 requests grow it by says nothing.
test.each(ADAPTERS)(
  '%s: 1 000 requests, hostile, left and pipelined ones among them, leave nothing behind',
  async (adapter) => {
    const { left, listeners, warnings } = await soak(adapter, 1_000, 2);
    expect(left.started).toBe(left.ended);
    expect(left.started).toBeGreaterThan(900);
    expect(left).toMatchObject({ active: 0, sockets: 0 });
    expect(listeners.used).toBe(listeners.fresh);
    expect(warnings).toEqual([]);
  },
);
