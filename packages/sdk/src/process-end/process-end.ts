import { notice } from '../reports/notice.ts';

interface ProcessEndOptions {
  /** Sends what has ended, within a limited time; resolves with `false` if that was too short. Never rejects. */
  readonly flush: () => Promise<boolean>;
  /** The same for spans alone. */
  readonly flushSpans: () => Promise<unknown>;
  /** Returns how many finished spans have not been sent. */
  readonly waiting: () => number;
  /** Whether signals that end the process flush. */
  readonly handlesSignals: boolean;
}

/**
 * The signals that end a process unless it listens to them: among others SIGHUP from a terminal that is closed, SIGUSR2
 * from nodemon, SIGBREAK on Windows, and SIGQUIT, with which some containers are stopped.
 */
const ENDING_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGBREAK'] as const;

/** How often ended spans are sent after a signal, in milliseconds, instead of every few seconds. */
const DRAIN_INTERVAL = 100;
const LATE = 'their receiver did not accept them in time';

/**
 * Flushes when the process is about to end, and lets it end as it would have without us. Returns a function that stops
 * listening.
 *
 * - A signal that only we listen to: flushes, then sends the same signal again, which now kills. A second signal in the
 *   meantime kills at once.
 * - A signal that the application listens to: it decides. From then on spans are sent as they end, because a graceful
 *   shutdown ends them one by one and then calls `process.exit()`.
 * - An empty event loop: flushes; the exit code stays.
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
    // We are the first listener, and removed before the others run, because some libraries count the listeners and end
    // the process if they are the only one.
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

  // Emitted again whenever the work started here is done. Metrics are sent once, spans as long as new ones have ended.
  const onBeforeExit = () => {
    if (flushedAtEnd && waiting() === 0) return;
    flushedAtEnd = true;
    void flush().then((inTime) => {
      if (inTime) return;
      process.removeListener('exit', onExit);
      reportLost(LATE);
      // Only an exporter that hangs keeps the process alive now. `process.exit()` keeps the exit code that is set.
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
    // Trees can still be drawn, because writing to the terminal does not wait.
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
