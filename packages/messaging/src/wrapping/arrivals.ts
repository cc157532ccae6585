/**
 * Remembers what is known of messages that arrived through a traced client, for the handler that gets them later.
 *
 * A message does not contain the queue that it came from, nor whether the receive that returned it has counted it.
 */
export class Arrivals<Known = never> {
  readonly #known = new WeakMap<object, Known>();
  readonly #counted = new WeakSet<object>();

  /** Remembers what is known of a message. */
  note(message: object, known: Known): void {
    this.#known.set(message, known);
  }

  /** Remembers that a traced operation has counted the message. */
  count(message: object): void {
    this.#counted.add(message);
  }

  /** Returns what is known of a message. */
  knownOf(message: object): Known | undefined {
    return this.#known.get(message);
  }

  /** Whether a traced operation has counted the message. */
  isCounted(message: object): boolean {
    return this.#counted.has(message);
  }
}
