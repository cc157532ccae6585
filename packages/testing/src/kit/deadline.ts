/** Milliseconds to wait for something that has to happen; reached only when it does not. */
const DEADLINE = 2_000;

let current = DEADLINE;

/** Sets the deadline of the case that runs now; cases take turns, so one value serves them all. */
export function setDeadline(ms = DEADLINE): void {
  current = ms;
}

/** Settles like `promise`, or rejects after `ms` with what was waited for. `missing` is asked only then. */
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
 * Milliseconds that a whole case may take: room for two waits, and under the five seconds after which most runners
 * give a test up without a word on what it waited for.
 */
export function caseLimit(): number {
  return current * 2.25;
}
