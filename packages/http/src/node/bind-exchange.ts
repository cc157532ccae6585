import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { activeContext, runInContext } from '@throughline/core';
import { reportOnce } from '@throughline/core/seam';
import { BINDING } from './connection.ts';
import type { ExchangeBinding, RouteSource } from './exchange-binding.ts';
import type { NodeRequest } from './request-record.ts';
import type { NodeResponse } from './response-outcome.ts';

/**
 * Makes the listeners of `req` and `res` run in the exchange's context, and the exchange end with the response. Never throws.
 *
 * Node emits most of these events from the socket, where no context is active. One replaced `emit` per object serves all
 * listeners, survives `removeAllListeners()`, and sees the end without a listener of its own. If other code replaces it, the
 * connection or the stream is the second witness.
 */
export function bindExchange(req: NodeRequest, res: NodeResponse, binding: ExchangeBinding): void {
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
export function takeRoute(req: object, route: RouteSource): boolean {
  return (req as BoundEmitter)[BINDING]?.takeRoute(route) === true;
}

/** Returns the object that Node emits events on. Some tools pass on an object that only inherits from it. */
export function emitterBeneath<T extends object>(emitter: T): T {
  let at: T | null = emitter;
  while (at !== null && !Object.hasOwn(at, '_events')) at = Object.getPrototypeOf(at);
  return at ?? emitter;
}

type BoundEmitter = EventEmitter & {
  [BINDING]?: ExchangeBinding;
  detachSocket?: ServerResponse['detachSocket'];
};

type Emit = EventEmitter['emit'];

function bindEmitter(given: EventEmitter, binding: ExchangeBinding, ofResponse: boolean): void {
  const emitter: BoundEmitter = emitterBeneath(given);
  emitter[BINDING] = binding;
  if (ofResponse) {
    const { emit, detachSocket } = emitter;
    binding.emitOfResponse = emit;
    emitter.emit = emitOfResponse;
    if (detachSocket === undefined) return;
    binding.detachSocket = detachSocket;
    emitter.detachSocket = detachAndObserve;
  } else {
    binding.emitOfRequest = emitter.emit;
    emitter.emit = emitOfRequest;
  }
}

// Two functions for all requests: with closures of their own, requests survived the garbage collector's first pass. They
// hand `arguments` on, because an array of rest parameters would be made for each of the many events without a listener.

function emitOfResponse(this: BoundEmitter, event: string | symbol, argument?: unknown): boolean {
  const binding = this[BINDING];
  // biome-ignore lint/complexity/noArguments: see above.
  const given: ArrayLike<unknown> = arguments;
  // Called on another object than the one that it was put on.
  if (binding === undefined) return Reflect.apply(EventEmitter.prototype.emit, this, given);
  try {
    binding.observeResponse(this, event, argument);
  } catch (error) {
    reportOnce(UNREADABLE, error);
  }
  return Reflect.apply(
    needsContext(this, event, binding) ? emitResponseInContext : binding.emitOfResponse,
    this,
    given,
  );
}

function emitOfRequest(this: BoundEmitter, event: string | symbol, _argument?: unknown): boolean {
  const binding = this[BINDING];
  // biome-ignore lint/complexity/noArguments: see above.
  const given: ArrayLike<unknown> = arguments;
  if (binding === undefined) return Reflect.apply(EventEmitter.prototype.emit, this, given);
  try {
    binding.observeRequest();
  } catch (error) {
    reportOnce(UNREADABLE, error);
  }
  const direct = event === 'end' && binding.endsUnread && this.listenerCount('end') === 1;
  const inside = !direct && needsContext(this, event, binding);
  return Reflect.apply(inside ? emitRequestInContext : binding.emitOfRequest, this, given);
}

const UNREADABLE = 'an event of a request could not be read';

/** Most events have no listener, and some are emitted where the context is already active. */
function needsContext(emitter: EventEmitter, event: string | symbol, binding: ExchangeBinding): boolean {
  try {
    return emitter.listenerCount(event) > 0 && activeContext() !== binding.context;
  } catch (error) {
    reportOnce(UNREADABLE, error);
    return false;
  }
}

function emitResponseInContext(this: BoundEmitter, ...args: Parameters<Emit>): boolean {
  const { context, emitOfResponse: emit } = this[BINDING] as ExchangeBinding;
  return runInContext(context, () => Reflect.apply(emit, this, args));
}

function emitRequestInContext(this: BoundEmitter, ...args: Parameters<Emit>): boolean {
  const { context, emitOfRequest: emit } = this[BINDING] as ExchangeBinding;
  return runInContext(context, () => Reflect.apply(emit, this, args));
}

function detachAndObserve(this: BoundEmitter, socket: Socket): void {
  const binding = this[BINDING];
  binding?.detachSocket?.call(this as ServerResponse, socket);
  binding?.detached();
}
