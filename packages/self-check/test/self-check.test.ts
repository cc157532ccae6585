import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createHttpServerTracer } from '@throughline/http-semantics';
import { status, tracingStatus } from '@throughline/self-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Announced } from './self-check/scenarios.ts';

// Each test starts a process, and the machine may be busy with others.
vi.setConfig({ testTimeout: 60_000 });

let copies: string;

/** The API as it is installed, under another version number: that is all by which its copies judge each other. */
async function copyApi(version: string): Promise<void> {
  const installed = fileURLToPath(new URL('..', import.meta.resolve('@opentelemetry/api')));
  const folder = join(copies, version, 'node_modules/@opentelemetry/api');
  await cp(installed, folder, { recursive: true });
  for (const name of await readdir(folder, { recursive: true })) {
    if (!/\.cjs$|^package\.json$/.test(name)) continue;
    const text = await readFile(join(folder, name), 'utf8');
    await writeFile(join(folder, name), text.replaceAll(/"1\.\d+\.\d+"/g, `"${version}"`));
  }
}

beforeAll(async () => {
  copies = await mkdtemp(join(tmpdir(), 'throughline-api-'));
  await Promise.all(['1.9.1', '1.99.0'].map(copyApi));
});

afterAll(() => rm(copies, { recursive: true, force: true }));

async function run(
  scenario: string,
  { env = {}, flags = [] }: { env?: Record<string, string>; flags?: string[] } = {},
) {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [...flags, join(import.meta.dirname, 'self-check/scenarios.ts'), scenario],
    { env: { PATH: process.env.PATH, API_COPIES: copies, ...env } },
  );
  return { ...(JSON.parse(stdout) as Announced), stderr };
}

describe.concurrent('a healthy service hears nothing', () => {
  test.each<[string, Record<string, string>?]>([
    ['healthy'],
    ['healthy', { NODE_ENV: 'production' }],
    ['healthy, SDK started after mounting'],
    ['healthy, every part given by options'],
    ['healthy, throw'],
    ['healthy, a call and a job'],
    ['registered through a newer API'],
    ['nothing registered', { OTEL_SDK_DISABLED: 'true' }],
    ['nothing registered', { OTEL_TRACES_EXPORTER: 'none' }],
    ['nothing registered', { OTEL_TRACES_EXPORTER: 'None' }],
    ['no propagator', { OTEL_PROPAGATORS: 'none' }],
    ['no propagator, one given by option'],
    ['throwing propagator'],
    ['an older copy is loaded'],
    ['a propagator that writes the active context alone'],
    ['dd-trace without its bridge, switched off on purpose'],
    ['one traceparent header'],
    ['two traceparent headers', { NODE_ENV: 'production' }],
    ['passed through the same middleware twice'],
    ['mounted twice', { NODE_ENV: 'production' }],
    ['headers outside of the trace', { NODE_ENV: 'production' }],
    ['a call of an ignored request'],
    ['a traced call by tracedFetch'],
    ['a traced call by tracedFetch that tells nothing'],
    ['a traced call by traceInterceptor'],
    ['a traced call by fetch with headers'],
    ['a traced call by undici with headers'],
    ['a traced call by node:http with headers'],
    ['a traced call by axios with headers of no address'],
    ['a traced call by got with headers in B3'],
    ['a traced call by node:http2 with headers'],
    ['a traced call by node:http that is to tell nothing'],
    ['bare calls in production', { NODE_ENV: 'production' }],
    ['bare calls outside of a request'],
    ['bare calls of an ignored request'],
    ['bare calls where nothing is looked at'],
    ['bare calls to which an instrumentation adds headers'],
    ['around Next, in production', { NODE_ENV: 'production' }],
    ['around Next, whose requests are ignored'],
    ['around Next, where nothing is looked at'],
    ['name of the service not known yet'],
    ['199 requests unsampled'],
    ['199 requests unsampled, one sampled'],
    ['200 requests ignored'],
  ])('%s %o', async (scenario, env = {}) => {
    expect(await run(scenario, { env })).toEqual({
      warnings: [],
      texts: [],
      diag: [],
      status: [],
      stderr: '',
    });
  });
});

describe.concurrent('a warning of the process, once', () => {
  test.each<[code: string, scenario: string, said: string]>([
    ['TL001', 'nothing registered', 'No OpenTelemetry SDK is registered.'],
    ['TL001', 'nothing registered, twice', 'records no spans'],
    ['TL001', 'nothing registered, mounted twice', 'records no spans'],
    ['TL001', 'a call without an SDK', 'records no spans'],
    ['TL002', 'registered through an older API', 'through @opentelemetry/api 1.9.1, which the copy'],
    ['TL001', 'refused through an older API', 'No OpenTelemetry SDK is registered.'],
    ['TL003', 'no context manager', 'those that other code makes in a handler do not find their parent'],
    ['TL003', 'throwing context manager', 'No context manager of OpenTelemetry carries'],
    ['TL004', 'synchronous context manager', 'loses the active context in asynchronous code'],
    ['TL005', 'no propagator', 'No propagator is registered.'],
    ['TL005', 'propagator of baggage alone', 'The registered propagator writes no trace headers.'],
    ['TL007', 'a newer copy is loaded', '1.99.0 ('],
    ['TL009', 'two traceparent headers', 'two traceparent headers'],
    ['TL009', 'two traceparent values in one header', 'two traceparent headers'],
    ['TL013', 'mounted twice', 'createHttpServerTracer() got a request that another'],
    ['TL015', 'service without a name', 'unknown_service:'],
    [
      'TL019',
      'a bare call by fetch',
      'A call by fetch that was made in a trace carries no trace headers: GET http://127.0.0.1:',
    ],
    ['TL019', 'a bare call by undici', 'A call by undici that'],
    ['TL019', 'a bare call by node:http', 'A call by node:http that'],
    ['TL019', 'a bare call by axios', 'A call by axios (node:http) that'],
    ['TL019', 'a bare call by got', 'A call by got (node:http) that'],
    ['TL019', 'a bare call by node:http2', 'A call by node:http2 that'],
    ['TL001', 'Sentry that writes no traceparent', 'records no spans'],
    ['TL017', 'dd-trace without its bridge', 'dd-trace traces this process'],
    ['TL017', 'Sentry without OpenTelemetry', 'Sentry traces this process'],
  ])('%s: %s', async (code, scenario, said) => {
    const { warnings, texts, status, thrown } = await run(scenario);
    // The copy that was refused.
    const others = scenario.startsWith('refused') ? ['TL007'] : [];
    expect({ warnings, status, thrown }).toEqual({ warnings: [code, ...others], status: [code, ...others] });
    expect(texts[0]).toContain(said);
    expect(texts[0]).toMatch(/\n\S.*\.\nhttps:\/\/\S+\/self-checks\.md#tl0\d\d$/);
    expect(texts[0]).toContain(`#${code.toLowerCase()}`);
  });
});

describe.concurrent('information, in tracingStatus() and to diag only', () => {
  test.each<[code: string, scenario: string, said: string]>([
    ['TL006', 'b3 alone', 'only b3 is written here'],
    ['TL008', 'another SERVER span is active', 'of @opentelemetry/instrumentation-http is completed here'],
    [
      'TL008',
      'another tracer shows nothing of its span',
      'another tracer (NonRecordingSpan) has started a span',
    ],
    [
      'TL014',
      'a call outside of the trace',
      'tracedFetch ran outside of any trace while requests were in progress (1), at ',
    ],
    ['TL014', 'headers outside of the trace', 'scenarios.ts:'],
    ['TL014', 'headers outside of the trace', 'bindCallback(callback), bindEmitter(emitter)'],
    ['TL020', 'around Next', 'Next.js makes a SERVER span of its own'],
    ['TL016', '200 requests unsampled', 'None of the first 200 requests was recorded'],
  ])('%s: %s', async (code, scenario, said) => {
    const announced = await run(scenario);
    expect(announced).toMatchObject({ warnings: [], stderr: '', status: [code] });
    expect(announced.diag).toEqual([expect.stringContaining(said)]);
    expect(announced.diag[0]).toContain(`[throughline] ${code} `);
  });
});

test('a bare call that loses what is passed on without an SDK is named, too', async () => {
  const { warnings } = await run('bare calls of a request without an SDK');
  expect(warnings).toEqual(['TL001', 'TL019']);
});

describe.concurrent('selfCheck', () => {
  test('off: nothing is said, and tracingStatus() still answers', async () => {
    expect(await run('nothing registered, off')).toMatchObject({ warnings: [], diag: [], status: ['TL001'] });
  });

  test('throw: mounting throws what the registry lacks', async () => {
    const { thrown } = await run('nothing registered, throw');
    expect(thrown).toMatch(
      /^Error: \[throughline\/core\] createHttpServerTracer\(\): TL001 No OpenTelemetry SDK is registered\. /,
    );
    expect((await run('no context manager, throw')).thrown).toMatch(/TL003/);
  });

  test('anything else is no option', () => {
    expect(() => createHttpServerTracer({ selfCheck: 'loud' as never })).toThrow(
      "[throughline/http-semantics] createHttpServerTracer(): options.selfCheck must be 'warn', 'throw' or 'off', got string 'loud'",
    );
  });
});

describe.concurrent('delivery', () => {
  test('nothing is looked at before a request is served', async () => {
    const { warnings, diag, stderr } = await run('nothing registered, nothing served');
    expect({ warnings, diag, stderr }).toEqual({ warnings: [], diag: [], stderr: '' });
  });

  test('production: to diag alone', async () => {
    const { warnings, diag, status, stderr } = await run('nothing registered', {
      env: { NODE_ENV: 'production' },
    });
    expect({ warnings, status, stderr }).toEqual({ warnings: [], status: ['TL001'], stderr: '' });
    expect(diag).toEqual([expect.stringMatching(/^\[throughline\] TL001 .* https:\/\/\S+#tl001$/)]);
  });

  test('under a test runner, no SDK is no news', async () => {
    const env = { NODE_ENV: 'test' };
    expect(await run('nothing registered', { env })).toMatchObject({ stderr: '', status: ['TL001'] });
    expect(await run('no propagator', { env })).toMatchObject({ warnings: ['TL005'] });
  });

  test('Node prints it with its code, and silences it by its code', async () => {
    const { stderr } = await run('nothing registered');
    expect(stderr).toMatch(
      /^\(node:\d+\) \[TL001\] ThroughlineWarning: No OpenTelemetry SDK is registered\. /,
    );
    expect((await run('nothing registered', { flags: ['--disable-warning=TL001'] })).stderr).toBe('');
  });

  test('tracingStatus() tells what is registered now', async () => {
    expect(await run('started after the first request')).toMatchObject({ warnings: ['TL001'], status: [] });
  });

  test('status, its former name, is the same function', () => {
    expect(status).toBe(tracingStatus);
  });
});
