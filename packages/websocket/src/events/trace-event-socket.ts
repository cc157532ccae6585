import { activeContext, runInContext } from '@throughline/core';
import { listenerMethods, type Method, wrapClient } from '@throughline/messaging/wrapping';
import type { SocketConnection } from '../connection/socket-connection.ts';
import { joinArguments, splitArguments } from './event-arguments.ts';

/** A socket of Socket.IO on either side, as used here. */
export interface EventSocket {
  readonly emit: Method;
  readonly on: Method;
}

/** The events of a socket that are no messages. */
const OWN_EVENTS: ReadonlySet<unknown> = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'error',
  'newListener',
  'removeListener',
]);

/**
 * Returns a socket that traces the events that it emits, and runs the listeners of each event that arrives in a CONSUMER span.
 *
 * @param carries Whether events carry a context.
 */
export function traceEventSocket<Socket extends EventSocket>(
  original: Socket,
  connection: SocketConnection,
  carries: boolean,
): Socket {
  // The cast: these methods take any arguments.
  const socket = original as unknown as Record<'emit' | 'emitWithAck', (...args: unknown[]) => unknown>;
  const emit = (event: unknown, ...args: unknown[]) =>
    sendEvent(connection, carries, event, args, (all) => socket.emit(event, ...all));
  const send = (...args: unknown[]) => {
    emit('message', ...args);
    return original;
  };
  return wrapClient(original, {
    emit,
    send,
    write: send,
    emitWithAck: (event: unknown, ...args: unknown[]) =>
      sendEvent(connection, carries, event, args, (all) => socket.emitWithAck(event, ...all)),
    ...listenerMethods(original, (event, listener) => {
      return function tracedListener(this: unknown, ...args: never[]) {
        const call = (given: unknown[]) => Reflect.apply(listener, this, given as never[]);
        if (OWN_EVENTS.has(event)) return connection.run(() => call(args));
        const { content, fields, acknowledge } = splitArguments(args, carries);
        const given = fields === undefined ? args : joinArguments({ content, acknowledge });
        return connection.handle({ destination: String(event), fields }, () => call(given));
      };
    }),
  });
}

/**
 * Sends an event in a PRODUCER span. Its acknowledgement is called in the caller's context.
 *
 * @param send Sends the event with these arguments.
 */
export function sendEvent<T>(
  connection: SocketConnection,
  carries: boolean,
  event: unknown,
  args: readonly unknown[],
  send: (args: unknown[]) => T,
): T {
  const { content, fields: own, acknowledge } = splitArguments(args, carries);
  const caller = activeContext();
  const inContext =
    acknowledge &&
    function acknowledged(this: unknown, ...results: unknown[]) {
      return runInContext(caller, () => Reflect.apply(acknowledge, this, results));
    };
  return connection.send({ destination: String(event), fields: own }, (fields) =>
    send(joinArguments({ content, fields: carries ? fields : own, acknowledge: inContext })),
  );
}
