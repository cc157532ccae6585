import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Jaeger, startJaeger } from './back-ends.ts';
import { describeWith } from './describe-with.ts';
import { JAEGER } from './recipes.ts';

await describeWith([JAEGER], 'a function that is frozen once it has answered', (program = '') => {
  let jaeger: Jaeger;
  beforeAll(async () => {
    jaeger = await startJaeger(program);
  });
  afterAll(() => jaeger?.stop());

  const frozen =
    process.platform === 'win32' ? ' (skipped: Windows cannot stop a process and let it go on)' : '';
  test.skipIf(frozen).each([
    { what: 'has sent its span, when it flushes first', FLUSH: '1', names: ['handle'] },
    { what: 'has sent nothing, when it does not', FLUSH: '0', names: [] },
  ])(`$what${frozen}`, async ({ FLUSH, names }) => {
    const traceId = `3${FLUSH}`.padEnd(32, '3');
    const child = fork(join(import.meta.dirname, 'services/function.ts'), {
      env: {
        ...process.env,
        FLUSH,
        OTEL_EXPORTER_OTLP_ENDPOINT: jaeger.otlp,
        OTEL_METRICS_EXPORTER: 'none',
      },
    });
    try {
      child.send(`00-${traceId}-00f067aa0ba902b7-01`);
      await once(child, 'message');
      child.kill('SIGSTOP');
      expect((await jaeger.spansOf(traceId)).map((span) => span.name)).toEqual(names);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
