import { redaction } from '@throughline/core/seam';
import { notice } from '../reports/notice.ts';

/** How often a continuing export failure is reported, in milliseconds. */
const REPEAT = 60_000;

/** Observes whether exports succeed, and reports when that changes: once per outage, and again each minute. */
export class Outage {
  readonly #url: string;
  readonly #lost: () => number;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #failing = false;
  #lastError: { readonly message: string; readonly at: Date } | undefined;
  #lastSuccess: Date | undefined;

  /** `lost` returns the number of spans lost so far. */
  constructor(url: string, lost: () => number) {
    this.#url = url;
    this.#lost = lost;
  }

  get status() {
    return { failing: this.#failing, lastError: this.#lastError, lastSuccess: this.#lastSuccess };
  }

  /** `last`: whether nothing is sent after this. */
  failed(error: Error, last: boolean): void {
    const message = redaction.text(reasonOf(error));
    this.#failing = true;
    this.#lastError = { message, at: new Date() };
    if (performance.now() - this.#reportedAt < REPEAT) return;
    this.#reportedAt = performance.now();
    const outlook = last ? '' : ' Later spans will be tried.';
    notice(`spans cannot be sent to ${this.#url}: ${message}; ${this.#lost()} lost so far.${outlook}`);
  }

  succeeded(): void {
    this.#lastSuccess = new Date();
    if (!this.#failing) return;
    this.#failing = false;
    const lost = this.#lost();
    notice(`spans are sent to ${this.#url} again; ${lost} ${lost === 1 ? 'was' : 'were'} lost.`);
  }
}

/** Returns the reason of an error. Node's error for several addresses has no message; the errors in it have. */
function reasonOf(error: Error): string {
  const { errors, code } = error as { errors?: unknown; code?: unknown };
  if (error.message !== '') return typeof code === 'number' ? `${code} ${error.message}` : error.message;
  const first = Array.isArray(errors) ? errors[0] : undefined;
  return first instanceof Error ? first.message : String(code ?? error.name);
}
