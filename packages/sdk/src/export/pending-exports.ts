/** Receives the result of an export, in the SDK's form. */
export type Done = (result: { readonly code: number; readonly error?: Error }) => void;

/** `ExportResultCode.FAILED` of `@opentelemetry/core`, which this package does not depend on. */
export const FAILED = 1;

/** The exports that an exporter has not answered yet. Each is answered once: by the exporter, by a timeout, or by `giveUp`. */
export class PendingExports {
  readonly #pending = new Map<Done, Promise<void>>();

  /** Returns `done` for the exporter. If the exporter does not call it within `milliseconds`, it is called with a failure. */
  track(done: Done, milliseconds: number): Done {
    let over = () => {};
    const answer: Done = (result) => {
      if (!this.#pending.delete(answer)) return;
      clearTimeout(timer);
      over();
      done(result);
    };
    this.#pending.set(
      answer,
      new Promise((resolve) => {
        over = resolve;
      }),
    );
    const timer = setTimeout(() => {
      answer({ code: FAILED, error: new Error(`no answer within ${milliseconds} ms`) });
    }, milliseconds);
    return answer;
  }

  /** Settles when every export that is pending now is answered. Never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending.values());
  }

  /** Answers every pending export with this error. */
  giveUp(error: Error): void {
    for (const answer of [...this.#pending.keys()]) answer({ code: FAILED, error });
  }
}
