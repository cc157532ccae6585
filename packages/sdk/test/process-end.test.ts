import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OtlpSink, startOtlpSink } from './otlp-sink.ts';
import { killPrograms, startProgram } from './program.ts';

let sink: OtlpSink;
let env: Record<string, string>;
beforeEach(async () => {
  sink = await startOtlpSink();
  env = { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url };
});
afterEach(async () => {
  killPrograms();
  await sink.close();
});

const names = () => sink.spans.map(({ name }) => name).sort();
const lines = (text: string) => text.split('\n').slice(0, -1);

describe.each([
  ['SIGTERM', 0],
  ['SIGTERM', 100],
  ['SIGINT', 0],
  ['SIGHUP', 0],
  ['SIGQUIT', 0],
  ['SIGUSR2', 0],
] as const)('%s in mid-load, with a receiver that answers after %d ms', (signal, latency) => {
  it('loses no span that had ended, and the process dies of the signal', async () => {
    sink.latency = latency;
    const program = startProgram('load', env);
    await expect.poll(() => lines(program.stdout()).length, { timeout: 10_000 }).toBeGreaterThan(3_000);
    const endedBefore = lines(program.stdout());
    program.kill(signal);
    expect(await program.ended).toMatchObject({ code: null, signal });
    const received = sink.spans.map(({ spanId }) => spanId);
    expect(new Set(received).size).toBe(received.length);
    expect(endedBefore.filter((id) => !received.includes(id))).toEqual([]);
  });
});

describe('a signal while the exporter hangs', () => {
  it('ends the process within the time-out', async () => {
    sink.behaviour = 'hang';
    const program = startProgram('load', { ...env, SHUTDOWN_TIMEOUT: '500' });
    await expect.poll(() => sink.requests.length, { timeout: 10_000 }).toBeGreaterThan(0);
    program.kill('SIGTERM');
    const { signal, after } = await program.ended;
    expect(signal).toBe('SIGTERM');
    expect(after).toBeGreaterThan(450);
    expect(program.stderr()).toMatch(
      /^\[throughline\/sdk\] \d+ finished spans were not sent, because their receiver/,
    );
    expect(after).toBeLessThan(1_500);
  });

  it('ends it at once when it comes a second time', async () => {
    sink.behaviour = 'hang';
    const program = startProgram('load', { ...env, SHUTDOWN_TIMEOUT: '15000' });
    await expect.poll(() => sink.requests.length, { timeout: 10_000 }).toBeGreaterThan(0);
    const before = sink.requests.length;
    program.kill('SIGTERM');
    await expect.poll(() => sink.requests.length, { timeout: 10_000 }).toBeGreaterThan(before);
    program.kill('SIGTERM');
    const { signal, after } = await program.ended;
    expect(signal).toBe('SIGTERM');
    expect(after).toBeLessThan(5_000);
  });
});

describe("the application's own handler decides", () => {
  it.each([
    ['waits for shutdown() and exits', 'shutdown'],
    ['exits some time later', 'drain'],
    ['lets the event loop run empty', 'empty'],
  ])('when it %s', async (_, end) => {
    const program = startProgram('graceful', { ...env, END: end });
    await program.said('ready');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ code: 7, signal: null });
    expect(names()).toEqual(['after the signal', 'before the signal']);
    expect(program.stderr()).toBe('');
  });

  it('when it goes on', async () => {
    const program = startProgram('graceful', { ...env, END: 'stay' });
    await program.said('ready');
    program.kill('SIGTERM');
    await program.said('staying');
    await expect.poll(names).toEqual(['after the signal', 'before the signal']);
    program.kill('SIGKILL');
    expect(await program.ended).toMatchObject({ signal: 'SIGKILL' });
  });

  it('when it ends the process only if nobody else listens', async () => {
    const program = startProgram('counts-listeners', env);
    await program.said('ready');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ code: null, signal: 'SIGTERM' });
  });
});

describe('a script that is done', () => {
  it('sends its spans and metrics and keeps its exit code', async () => {
    const program = startProgram('script', env);
    expect(await program.ended).toMatchObject({ code: 4, signal: null });
    expect(names()).toEqual(['inner', 'outer']);
    expect([...sink.metrics]).toContain('script.runs');
    expect(program.stderr()).toBe('');
  });

  it('ends within the time-out while the exporter hangs, with its exit code', async () => {
    sink.behaviour = 'hang';
    const program = startProgram('script', { ...env, SHUTDOWN_TIMEOUT: '500' });
    const { code, after } = await program.ended;
    expect(code).toBe(4);
    expect(after).toBeLessThan(5_000);
    expect(program.stderr()).toBe(
      '[throughline/sdk] 2 finished spans were not sent, because their receiver did not accept them in time.\n',
    );
  });

  it('is told what it lost by process.exit()', async () => {
    const program = startProgram('script', { ...env, END: 'exit' });
    expect(await program.ended).toMatchObject({ code: 4 });
    expect(program.stderr()).toBe(
      '[throughline/sdk] 2 finished spans were not sent, because process.exit() does not wait: await shutdown() before it.\n',
    );
  });

  it.each([
    ['none', /^$/],
    ['warn', /^\[throughline\/sdk\] 2 finished spans were not sent/],
  ])('is told so with OTEL_LOG_LEVEL=%s: %s', async (level, said) => {
    const program = startProgram('script', { ...env, END: 'exit', OTEL_LOG_LEVEL: level });
    await program.ended;
    expect(program.stdout() + program.stderr()).toMatch(said);
  });

  it('dies of its own error as without tracing', async () => {
    const program = startProgram('script', { ...env, END: 'throw' });
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(program.stderr()).toContain('the script failed');
  });

  it.each([
    ['throw', 'an uncaught error ended the process'],
    ['reject', 'an uncaught error ended the process'],
    ['handled', 'process.exit() does not wait: await shutdown() before it'],
    ['exit', 'process.exit() does not wait: await shutdown() before it'],
  ])('is told why it lost spans: %s', async (end, reason) => {
    const program = startProgram('script', { ...env, END: end });
    await program.ended;
    expect(program.stderr()).toContain(
      `[throughline/sdk] 2 finished spans were not sent, because ${reason}.\n`,
    );
  });

  it('is told of one span in the singular', async () => {
    const program = startProgram('script', { ...env, END: 'exit', SPANS: '1' });
    await program.ended;
    expect(program.stderr()).toContain('1 finished span was not sent, because');
  });
});

describe('a program that shuts down and has nothing else to do', () => {
  it.each(['accept', 'hang', 'drip'] as const)(
    'ends at once, with a receiver that does %s',
    async (behaviour) => {
      sink.behaviour = behaviour;
      const program = startProgram('shuts-down', { ...env, SHUTDOWN_TIMEOUT: '300' });
      await program.said('down');
      const down = performance.now();
      expect(await program.ended).toMatchObject({ code: 0, signal: null });
      expect(performance.now() - down).toBeLessThan(1_500);
      expect(program.stdout()).toContain(behaviour === 'accept' ? 'down true' : 'down false');
    },
  );

  it('ends after one pause of the exporter when its receiver is not there', async () => {
    const program = startProgram('shuts-down', {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      SHUTDOWN_TIMEOUT: '300',
    });
    await program.said('down false');
    const down = performance.now();
    expect(await program.ended).toMatchObject({ code: 0, signal: null });
    expect(performance.now() - down).toBeLessThan(3_000);
  });
});
