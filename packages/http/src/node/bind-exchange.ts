import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { activeContext, runInContext } from '@throughline/core';
import { reportOnce } from '@throughline/core/seam';
import type { HttpServerExchange } from '@throughline/http-semantics';
import type { ServedRoute } from '../routes/served-route.ts';
import { BINDING } from './connection.ts';
import { ExchangeBinding } from './exchange-binding.ts';
import type { NodeRequest } from './request-record.ts';
import type { NodeResponse } from './response-outcome.ts';

/**
 * Runs the listeners of `req` and `res` in the exchange's context, and ends the exchange on the way. Never throws.
 *
 * Node emits most of these events from the socket, where no context is active. One `emit` per object serves all
 * listeners, is not undone by `removeAllListeners()`, and sees the end without a listener of its own. Where other code
 * takes it away, the connection or the stream is the second witness.
 */
export function bindExchange(
  req: NodeRequest,
  res: NodeResponse,
  exchange: HttpServerExchange,
  route: (() => ServedRoute) | undefined,
): void {
  const binding = new ExchangeBinding(req, res, exchange, route);
  let watched = false;
  try {
    watched = binding.watch();
  } catch (error) {
    reportOnce('the connection of a request could not be watched', error);
  }
  const bound = tryToBind(res, binding, true);
  tryToBind(req, binding, false);
  // What cannot be seen to end would stay open for ever.
  if (!watched && !bound) binding.end();
}

function tryToBind(
  emitter: NodeRequest | NodeResponse,
  binding: ExchangeBinding,
  ofResponse: boolean,
): boolean {
  try {
    bindEmitter(emitter as EventEmitter, binding, ofResponse);
    return true;
  } catch (error) {
    reportOnce('the listeners of a request could not be bound to its context', error);
    return false;
  }
}

/** Lets a server further in name the route of a request; returns whether it was still to be named. */
export function takeRoute(req: object, route: () => ServedRoute): boolean {
  return (req as BoundEmitter)[BINDING]?.binding.takeRoute(route) === true;
}

/** The object that Node emits events on, where what a tool handed on only inherits from it. */
export function emitterBeneath<T extends object>(emitter: T): T {
  let at: T | null = emitter;
  while (at !== null && !Object.hasOwn(at, '_events')) at = Object.getPrototypeOf(at);
  return at ?? emitter;
}

interface Bound {
  readonly binding: ExchangeBinding;
  readonly ofResponse: boolean;
  /** The emitter's own methods, where other code gave it one before us. */
  readonly emit: EventEmitter['emit'];
  readonly detachSocket: ServerResponse['detachSocket'] | undefined;
}

type BoundEmitter = EventEmitter & {
  [BINDING]?: Bound;
  detachSocket?: ServerResponse['detachSocket'];
};

function bindEmitter(given: EventEmitter, binding: ExchangeBinding, ofResponse: boolean): void {
  const emitter: BoundEmitter = emitterBeneath(given);
  const { emit, detachSocket } = emitter;
  emitter[BINDING] = { binding, ofResponse, emit, detachSocket };
  emitter.emit = emitInContext;
  if (detachSocket !== undefined) emitter.detachSocket = detachAndObserve;
}

/** One function for all requests: closures of their own made each of them survive the garbage collector's first look. */
function emitInContext(this: BoundEmitter, ...args: Parameters<EventEmitter['emit']>): boolean {
  const bound = this[BINDING];
  // Taken from a request and called on something else.
  if (bound === undefined) return Reflect.apply(EventEmitter.prototype.emit, this, args);
  const { binding, emit } = bound;
  // Most events have no listener, and some are emitted by code that runs in the context already.
  let direct = true;
  try {
    binding.observe(bound.ofResponse, this, args[0], args[1]);
    direct = this.listenerCount(args[0]) === 0 || activeContext() === binding.context;
  } catch (error) {
    reportOnce('an event of a request could not be read', error);
  }
  if (direct) return Reflect.apply(emit, this, args);
  return runInContext(binding.context, () => Reflect.apply(emit, this, args));
}

function detachAndObserve(this: BoundEmitter, socket: Socket): void {
  const bound = this[BINDING];
  bound?.detachSocket?.call(this as ServerResponse, socket);
  bound?.binding.detached();
}
