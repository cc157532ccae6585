import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a participant is asked to do. */
export type Order =
  | { readonly do: 'connect'; readonly url: string }
  | {
      readonly do: 'send';
      readonly destination: string;
      readonly bodies: readonly string[];
      readonly traceparent: string;
      readonly batch?: boolean;
    }
  | {
      readonly do: 'sendBare';
      readonly destination: string;
      readonly body: string;
      readonly metadata: Record<string, string>;
    }
  | { readonly do: 'consume'; readonly destination: string; readonly failing: readonly string[] }
  | { readonly do: 'disconnect' }
  | { readonly do: 'openSpans' };

/** A span as another process saw it end. */
export interface SeenSpan {
  readonly name: string;
  readonly kind: 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER';
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  readonly parentId?: string | undefined;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly error: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** What was active in a handler after it had waited for a timer and the event loop. */
export interface Handled {
  readonly body: string;
  /** How often this message has been handled, this time included. */
  readonly attempt: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  /** Whether the active span was the same before and after waiting. */
  readonly kept: boolean;
  /** The baggage entry that the caller sent. */
  readonly tenant?: string | undefined;
}

export type Report =
  | { readonly ready: true }
  | { readonly span: SeenSpan }
  | { readonly handled: Handled }
  | { readonly id: number; readonly value?: unknown; readonly error?: string };

/** A process of its own that holds one client with an SDK, and what it has reported so far. */
export class Participant {
  readonly spans: SeenSpan[] = [];
  readonly handled: Handled[] = [];
  readonly #process: ChildProcess;
  readonly #answers = new Map<number, (report: { value?: unknown; error?: string }) => void>();
  readonly #reported = new EventEmitter();
  #asked = 0;

  private constructor(client: string) {
    this.#process = fork(join(import.meta.dirname, 'participant-process.ts'), [client]);
    this.#process.on('message', (report: Report) => {
      if ('span' in report) this.spans.push(report.span);
      else if ('handled' in report) this.handled.push(report.handled);
      else if ('id' in report) this.#answers.get(report.id)?.(report);
      this.#reported.emit('report');
    });
  }

  static async start(client: string): Promise<Participant> {
    const participant = new Participant(client);
    await once(participant.#process, 'message');
    return participant;
  }

  /** Rejects with what the other process threw. */
  async ask(order: Order): Promise<unknown> {
    const id = ++this.#asked;
    const answer = new Promise<{ value?: unknown; error?: string }>((resolve) =>
      this.#answers.set(id, resolve),
    );
    this.#process.send({ id, order });
    const { value, error } = await answer;
    this.#answers.delete(id);
    if (error !== undefined) throw new Error(`${order.do}: ${error}`);
    return value;
  }

  /** Waits until what it reported makes `holds` true; rejects after `deadline` milliseconds, naming what was reported. */
  async until(what: string, holds: () => boolean, deadline = 20_000): Promise<void> {
    const end = Date.now() + deadline;
    while (!holds()) {
      if (Date.now() > end) {
        const spans = this.spans.map(({ kind, name }) => `${kind} ${name}`);
        throw new Error(
          `${what}: not seen; spans ${spans.join(', ')}; handled ${JSON.stringify(this.handled)}`,
        );
      }
      await Promise.race([once(this.#reported, 'report'), sleep(100)]);
    }
  }

  forget(): void {
    this.spans.length = 0;
    this.handled.length = 0;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.disconnect();
    await exited;
  }
}
