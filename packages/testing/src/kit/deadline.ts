/** How long to wait for what must happen, in milliseconds; reached only when it does not. */
const DEADLINE = 2_000;

let current = DEADLINE;

/** Sets the deadline of the running case; cases take turns, so one value serves all. */
export function setDeadline(ms = DEADLINE): void {
  current = ms;
}

/** Settles like `promise`, or rejects after `ms` naming what was missing. `missing` is called only then. */
export async function within<T>(promise: Promise<T>, missing: () => string, ms = current): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${missing()}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Returns how long a whole case may take, in milliseconds: long enough for two waits, and under the five seconds after
 * which most runners abandon a test without saying what it waited for.
 */
export function caseLimit(): number {
  return current * 2.25;
}
