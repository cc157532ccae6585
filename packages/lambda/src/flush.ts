import { metrics, trace } from '@opentelemetry/api';
import { guarded, reportOnce } from '@throughline/core/seam';
import type { LambdaContext } from './lambda-context.ts';
import type { LambdaOptions } from './lambda-options.ts';

interface Flushable {
  forceFlush?(): unknown;
  /** The API's provider stands for the registered one. */
  getDelegate?(): Flushable;
}

const DEFAULT_TIMEOUT = 2_000;
/** What the runtime needs to send the answer, in milliseconds. */
const RESERVE = 100;

/**
 * Exports what was recorded. Resolves when that is done or its time is over, and never rejects: a sandbox is frozen when the
 * answer is out, with everything that was not exported by then.
 */
export async function flush(options: LambdaOptions, context: LambdaContext | undefined): Promise<void> {
  const { flushTimeout = DEFAULT_TIMEOUT } = options;
  const limit = Math.min(flushTimeout, remainingTime(context) - RESERVE);
  if (!(limit > 0)) return;
  const flushing = Promise.all(
    [
      options.tracerProvider ?? trace.getTracerProvider(),
      options.meterProvider ?? metrics.getMeterProvider(),
    ].map(flushed),
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      reportOnce(
        'the export took longer than options.flushTimeout or the remaining time; it is not waited for',
      );
      resolve();
    }, limit);
  });
  await Promise.race([flushing, late]);
  clearTimeout(timer);
}

async function flushed(provider: object): Promise<void> {
  try {
    const given: Flushable = provider;
    await (given.getDelegate?.() ?? given).forceFlush?.();
  } catch (error) {
    reportOnce('a provider could not be flushed', error);
  }
}

function remainingTime(context: LambdaContext | undefined): number {
  const left = guarded('the remaining time could not be read', () => context?.getRemainingTimeInMillis?.());
  return typeof left === 'number' ? left : Number.POSITIVE_INFINITY;
}
