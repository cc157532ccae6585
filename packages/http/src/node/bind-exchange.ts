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
 * Makes the listeners of `req` and `res` run in the exchange's context, and the exchange end with the response. Never throws.
 *
 * Node emits most of these events from the socket, where no context is active. One replaced `emit` per object serves all
 * listeners, survives `removeAllListeners()`, and sees the end without a listener of its own. If other code replaces it, the
 * connection or the stream is the second witness.
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
  // Its end would never be seen.
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

/** Lets a server further in name the route of a request. Returns whether the route had no name yet. */
export function takeRoute(req: object, route: () => ServedRoute): boolean {
  return (req as BoundEmitter)[BINDING]?.binding.takeRoute(route) === true;
}

/** Returns the object that Node emits events on. Some tools pass on an object that only inherits from it. */
export function emitterBeneath<T extends object>(emitter: T): T {
  let at: T | null = emitter;
  while (at !== null && !Object.hasOwn(at, '_events')) at = Object.getPrototypeOf(at);
  return at ?? emitter;
}

interface Bound {
  readonly binding: ExchangeBinding;
  readonly ofResponse: boolean;
  /** The methods that were replaced: Node's, or those that other code had put there. */
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

/** One function for all requests: with closures of their own, requests survived the garbage collector's first pass. */
function emitInContext(this: BoundEmitter, ...args: Parameters<EventEmitter['emit']>): boolean {
  const bound = this[BINDING];
  // Called on another object than the one that it was put on.
  if (bound === undefined) return Reflect.apply(EventEmitter.prototype.emit, this, args);
  const { binding, emit } = bound;
  // Most events have no listener, and some are emitted where the context is already active.
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
