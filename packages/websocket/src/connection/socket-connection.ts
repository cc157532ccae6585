import { type Context, createContextKey, type SpanContext, trace } from '@opentelemetry/api';
import { activeContext, type BaggageRule, runInContext, type TrustDecision } from '@throughline/core';
import type { Message, MessagingTarget } from '@throughline/messaging';
import { sendWithCallback } from '@throughline/messaging/wrapping';
import type { MessageFields } from '../messages/message-codec.ts';
import type { MessageTracer } from './message-tracer.ts';

/** What is known of a connection when it opens. */
export interface ConnectionFacts {
  /** The context of its handshake. */
  readonly opened: Context;
  /** What its messages have in common: destination, server, peer. */
  readonly target: MessagingTarget;
  /** How far the peer is trusted. Absent: the options decide per message. */
  readonly trust?: TrustDecision | undefined;
  /** What of a context the peer may receive: the trace with this baggage, or nothing. */
  readonly outgoing: BaggageRule | undefined;
}

/** The connection in whose own context code runs. */
const CONNECTION = createContextKey('Throughline socket connection');

/**
 * One open socket: its own context, and the messages that travel on it.
 *
 * A socket may live for days, and its handshake is over at once. So messages do not continue the handshake's trace: what is
 * sent from the socket's own events, and what arrives without a context, starts a trace that links to the handshake.
 */
export class SocketConnection {
  /** The context that the socket's events run in, messages excepted. */
  readonly context: Context;
  readonly #tracer: MessageTracer;
  readonly #facts: ConnectionFacts;
  readonly #span: SpanContext | undefined;
  /** The context that a message without one of its own starts in. */
  readonly #start: Context;
  readonly #shared: Pick<Message<MessageFields>, 'connection'> & MessagingTarget;

  constructor(tracer: MessageTracer, facts: ConnectionFacts) {
    const { opened, target, trust, outgoing = 'drop' } = facts;
    this.#tracer = tracer;
    this.#facts = facts;
    this.#span = trace.getSpanContext(opened);
    this.context = opened.setValue(CONNECTION, this);
    this.#start = tracer.staysInTrace ? opened : trace.deleteSpan(opened);
    this.#shared = { ...target, connection: { span: this.#span, trust, baggage: outgoing } };
  }

  /** Returns the connection in whose own context this code runs, outside of spans that the application or a message started. */
  static active(): SocketConnection | undefined {
    const active = activeContext();
    const connection = active.getValue(CONNECTION);
    if (!(connection instanceof SocketConnection)) return undefined;
    return trace.getSpanContext(active)?.spanId === connection.#span?.spanId ? connection : undefined;
  }

  /** Runs `fn` in the connection's own context, and returns or throws what `fn` does. */
  run<T>(fn: () => T): T {
    return runInContext(this.context, fn);
  }

  /**
   * Sends a message in a PRODUCER span, which ends when `send` returns.
   *
   * @param message What is known of it beside the connection, with the fields that the application has put into it.
   * @param send Sends the message with these fields; `undefined`: without a context.
   */
  send<T>(message: SocketMessage, send: (fields: MessageFields | undefined) => T): T {
    const { verbs } = this.#tracer;
    return this.#beginTrace(() =>
      verbs.send(this.#describe(message), (fields) => send(this.#fieldsOf(message, fields))),
    );
  }

  /**
   * Sends a message like {@link SocketConnection.send}, by a method that reports the result to a callback. The span ends then.
   *
   * @param callback The application's own, if it gave one.
   */
  sendWithCallback<T>(
    message: SocketMessage,
    callback: unknown,
    send: (fields: MessageFields | undefined, callback: (...results: unknown[]) => unknown) => T,
  ): T {
    const { verbs } = this.#tracer;
    return this.#beginTrace(() =>
      sendWithCallback(verbs, this.#describe(message), callback, (fields, onResult) =>
        send(this.#fieldsOf(message, fields), onResult),
      ),
    );
  }

  /** Runs the listener of a message in a CONSUMER span, and returns or throws what the listener does. */
  handle<T>(message: SocketMessage, listener: () => T): T {
    return this.#tracer.verbs.process(this.#describe(message), listener, { ambient: this.#start });
  }

  #describe({ fields, ...more }: SocketMessage): Message<MessageFields> {
    return { ...this.#shared, ...more, carrier: fields };
  }

  #fieldsOf(message: SocketMessage, fields: MessageFields | undefined): MessageFields | undefined {
    return this.#facts.outgoing === undefined ? message.fields : fields;
  }

  /** Runs `fn` outside of the handshake's span if that is active, and not one that the application or a message started. */
  #beginTrace<T>(fn: () => T): T {
    return SocketConnection.active() === this ? runInContext(this.#start, fn) : fn();
  }
}

/** What is known of one message. */
export interface SocketMessage extends Pick<MessagingTarget, 'destination'> {
  readonly fields?: MessageFields | undefined;
}
