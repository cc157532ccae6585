/** Whether all promises in `work` settled within so many milliseconds, one way or the other; what is no promise counts as settled. Never rejects. */
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
