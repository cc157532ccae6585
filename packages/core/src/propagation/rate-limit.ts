/**
 * Permits for a number of decisions per second.
 *
 * Permits refill steadily, up to as many as one second's worth and never fewer than one. So short bursts pass, and over
 * any longer time the rate holds. There is no timer: permits are counted when one is taken.
 */
export class RateLimit {
  readonly #perSecond: number;
  readonly #capacity: number;
  #permits: number;
  #filledAt = performance.now();

  /** @param perSecond Greater than 0. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#capacity = Math.max(1, perSecond);
    this.#permits = this.#capacity;
  }

  /** Takes a permit; returns whether there was one. */
  take(): boolean {
    const now = performance.now();
    const gained = ((now - this.#filledAt) / 1000) * this.#perSecond;
    this.#permits = Math.min(this.#capacity, this.#permits + gained);
    this.#filledAt = now;
    if (this.#permits < 1) return false;
    this.#permits--;
    return true;
  }
}
