/** What arrives, for a reader who takes one after the other. */
export interface Inbox<T> {
  put(one: T): void;
  take(): Promise<T>;
}

export function inbox<T>(): Inbox<T> {
  const arrived: T[] = [];
  let wake = () => {};
  return {
    put(one) {
      arrived.push(one);
      wake();
    },
    async take() {
      while (arrived.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return arrived.shift() as T;
    },
  };
}
