import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import type { Found } from './mount-order/scenarios.ts';

// Each test starts a process, and the machine may be busy with others.
vi.setConfig({ testTimeout: 60_000 });

async function run(framework: string, scenario: string, wrapped: string[] = []) {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, 'mount-order/scenarios.ts'), framework, scenario, ...wrapped],
    // No SDK is what this process has none of on purpose: the order is found all the same.
    { env: { PATH: process.env.PATH, OTEL_SDK_DISABLED: 'true' } },
  );
  return JSON.parse(stdout) as Found;
}

const frameworks = (names: string[], scenarios: string[]) =>
  names.flatMap((name) => scenarios.map((scenario) => [name, scenario] as const));

describe.concurrent('nothing is said of a middleware that sees all it is meant to see', () => {
  test.each([
    ...frameworks(['express', 'express4'], ['first', 'behind middleware', 'in a router, behind routes']),
    ...frameworks(['koa', 'koa2'], ['first', 'behind middleware']),
    ...frameworks(
      ['fastify', 'fastify4'],
      ['behind routes', 'in a plugin with routes', 'without any routes'],
    ),
  ])('%s, mounted %s', async (framework, scenario) => {
    expect(await run(framework, scenario)).toEqual({ status: [], warned: [] });
  });
});

describe.concurrent('Fastify: of hooks that a tracer has wrapped, what they reach is said all the same', () => {
  test.each([
    ...['', 'wrapper', 'traceContext'].flatMap((name) =>
      frameworks(
        ['fastify', 'fastify4'],
        ['behind routes', 'in a plugin with routes', 'without any routes'],
      ).map(([framework, scenario]) => [framework, scenario, name, []] as const),
    ),
    ['fastify', 'in a plugin of its own', '', ['TL012']] as const,
    ['fastify', 'in a plugin of its own', 'wrapper', ['TL012']] as const,
    ['fastify4', 'in a plugin of its own', 'wrapper', ['TL012']] as const,
  ])('%s, mounted %s, wrapped as "%s": %o', async (framework, scenario, name, codes) => {
    expect((await run(framework, scenario, [name])).status).toEqual(codes);
  });
});

describe.concurrent('requests that never reach the middleware', () => {
  test.each([
    ['express', 'behind routes', 'TL010', 'traceContext() is mounted after 2 routes: /early/:id, a router.'],
    ['express4', 'behind routes', 'TL010', 'traceContext() is mounted after 2 routes: /early/:id, a router.'],
    ['koa', 'behind routes', 'TL011', 'traceContext() is mounted after 1 route: a router.'],
    ['koa2', 'behind routes', 'TL011', 'traceContext() is mounted after 1 route: a router.'],
    ['fastify', 'in a plugin of its own', 'TL012', 'tracePlugin is registered in an encapsulated context'],
    ['fastify4', 'in a plugin of its own', 'TL012', 'tracePlugin is registered in an encapsulated context'],
  ])('%s, mounted %s: %s', async (framework, scenario, code, said) => {
    expect(await run(framework, scenario)).toEqual({
      status: [code],
      warned: [expect.stringContaining(said)],
    });
  });
});
