import { notice } from './notice.ts';

interface ProcessEndOptions {
  /** Sends what has ended, within a bounded time; false when time was up. Never rejects. */
  readonly flush: () => Promise<boolean>;
  /** The same for spans alone. */
  readonly flushSpans: () => Promise<unknown>;
  /** How many finished spans have not been sent. */
  readonly waiting: () => number;
  readonly handlesSignals: boolean;
}

/**
 * The signals that end a process which does not listen to them, as far as it can listen: SIGHUP from a terminal that is
 * closed, SIGUSR2 from nodemon, SIGBREAK on Windows, SIGQUIT as some containers stop.
 */
const ENDING_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGBREAK'] as const;

/** After a signal, spans are sent as they end instead of every few seconds. Milliseconds. */
const DRAIN_INTERVAL = 100;
const LATE = 'their receiver did not take them in time';

/**
 * Flushes when the process is about to end, and lets it end as it would have without us.
 *
 * - A signal that no one else listens to: flush, then the same signal again, which now kills. A second signal in the
 *   meantime kills at once.
 * - A signal that the application listens to: it decides. From then on spans are sent as they end, because a graceful
 *   shutdown ends them one by one and then leaves by `process.exit()`.
 * - The event loop is empty: flush; the exit code stays.
 *
 * Returns how to stop listening.
 */
export function flushAtProcessEnd({
  flush,
  flushSpans,
  waiting,
  handlesSignals,
}: ProcessEndOptions): () => void {
  let drain: NodeJS.Timeout | undefined;
  let flushedAtEnd = false;
  const reportLost = (reason: string) => {
    const lost = waiting();
    const spans = lost === 1 ? '1 finished span was' : `${lost} finished spans were`;
    if (lost > 0) notice(`${spans} not sent, because ${reason}.`);
  };

  const onSignal = (signal: NodeJS.Signals) => {
    // First of all listeners and gone before the others run: libraries that end the process when they are the only
    // listener count them.
    process.removeListener(signal, onSignal);
    const flushed = flush();
    if (process.listenerCount(signal) === 0) {
      void flushed.then((inTime) => {
        if (!inTime) reportLost(LATE);
        process.kill(process.pid, signal);
      });
      return;
    }
    let flushing = false;
    drain ??= setInterval(() => {
      if (flushing || waiting() === 0) return;
      flushing = true;
      void flushSpans().then(() => {
        flushing = false;
      });
    }, DRAIN_INTERVAL).unref();
  };

  // Emitted again each time the work that it started is done: metrics are sent once, spans as long as new ones ended.
  const onBeforeExit = () => {
    if (flushedAtEnd && waiting() === 0) return;
    flushedAtEnd = true;
    void flush().then((inTime) => {
      if (inTime) return;
      process.removeListener('exit', onExit);
      reportLost(LATE);
      // Nothing but an exporter that hangs keeps the process alive now. The exit code is the one that is set.
      process.exit();
    });
  };

  let crashed = false;
  const onUncaught = () => {
    // A process that listens continues.
    crashed =
      process.listenerCount('uncaughtException') === 0 && !process.hasUncaughtExceptionCaptureCallback();
  };

  const onExit = () => {
    reportLost(
      crashed
        ? 'an uncaught error ended the process'
        : 'process.exit() does not wait: await shutdown() before it',
    );
    // What is drawn on the terminal can still be drawn.
    void flushSpans();
  };

  for (const signal of handlesSignals ? ENDING_SIGNALS : []) process.prependListener(signal, onSignal);
  process.on('beforeExit', onBeforeExit);
  process.on('uncaughtExceptionMonitor', onUncaught);
  process.on('exit', onExit);
  return () => {
    clearInterval(drain);
    for (const signal of handlesSignals ? ENDING_SIGNALS : []) process.removeListener(signal, onSignal);
    process.removeListener('beforeExit', onBeforeExit);
    process.removeListener('uncaughtExceptionMonitor', onUncaught);
    process.removeListener('exit', onExit);
  };
}
