/**
 * Resolves with whether all promises in `work` settled within `milliseconds`, fulfilled or rejected. Anything else in
 * `work` counts as settled. Never rejects.
 */
export async function settledWithin(milliseconds: number, work: readonly unknown[]): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, milliseconds, false);
  });
  const settled = Promise.allSettled(work).then(() => true);
  try {
    return await Promise.race([settled, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
