import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Context } from '@opentelemetry/api';
import { activeContext, runInContext } from '@throughline/core';
import { guarded, reportOnce } from '@throughline/core/seam';
import type { HttpServerExchange, HttpServerOutcome } from '@throughline/http-semantics';
import { BINDING, type CarriedExchange, Connection } from './connection.ts';
import {
  destroyError,
  hasLeft,
  isHttp2,
  type NodeRequest,
  type NodeResponse,
  ResponseWitness,
  responseOutcome,
} from './response-outcome.ts';
import type { ServedRoute } from './served-route.ts';
import { watchStream } from './stream-watch.ts';

/**
 * Runs the listeners of `req` and `res` in the exchange's context, and ends the exchange on the way. Never throws.
 *
 * Node emits most of these events from the socket, where no context is active. One `emit` per object serves all
 * listeners, is not undone by `removeAllListeners()`, and sees the end without a listener of its own. Where somebody
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

/** What the events of one request and its response do to its exchange. */
class ExchangeBinding implements CarriedExchange {
  readonly context: Context;
  readonly #req: NodeRequest;
  readonly #res: NodeResponse;
  readonly #exchange: HttpServerExchange;
  #route: (() => ServedRoute) | undefined;
  readonly #http2: boolean;
  readonly #seen = new ResponseWitness();
  #ended = false;

  constructor(
    req: NodeRequest,
    res: NodeResponse,
    exchange: HttpServerExchange,
    route: (() => ServedRoute) | undefined,
  ) {
    this.context = exchange.context;
    this.#req = req;
    this.#res = res;
    this.#exchange = exchange;
    this.#route = route;
    this.#http2 = isHttp2(res);
  }

  /** Makes the connection or the stream a witness; returns whether it is one. */
  watch(): boolean {
    const req = this.#req;
    if (isHttp2(this.#res)) {
      watchStream(this.#res.stream as ServerHttp2Stream, this.#seen, this);
      return true;
    }
    const connection = Connection.of(req.socket as Socket);
    if (connection === undefined) return false;
    this.#seen.connection = connection;
    connection.add(this, this.#res.socket !== null);
    const { upgrade } = req as { upgrade?: boolean };
    // Routed through an application after the switch, with a response that nobody will send.
    if (upgrade === true && this.#res.socket === null && connection.switched)
      setImmediate(() => this.headLeft(101));
    return true;
  }

  /** Returns whether the route is still to be named: by whoever comes first. */
  takeRoute(route: () => ServedRoute): boolean {
    if (this.#route !== undefined) return false;
    this.#route = route;
    return true;
  }

  get awaitsHead(): boolean {
    return this.#seen.status === undefined;
  }

  get finished(): boolean {
    return this.#seen.finish;
  }

  headLeft(status: number): void {
    // Node marks the response when it hands its head over; a head without the mark was written past it.
    const past = !this.#http2 && (this.#res as { _headerSent?: boolean })._headerSent !== true;
    // Node answers 400 to a request that was cut off, whose client has left.
    if (past && hasLeft(this.#req.socket)) return;
    const switches = status === 101 || (status < 300 && this.#req.method === 'CONNECT');
    this.#seen.status = status;
    this.#seen.headOnly = past || switches;
    if (switches) this.end();
  }

  passed(): void {
    this.#seen.finish = true;
    this.end();
  }

  /** Called with each event before its listeners. */
  observe(ofResponse: boolean, emitter: EventEmitter, event: string | symbol, argument: unknown): void {
    if (!ofResponse) {
      // To its handler a reset HTTP/2 stream looks like a body that has ended, and the answer is one that nobody gets.
      if (this.#http2 && (this.#res as { stream: ServerHttp2Stream }).stream.rstCode) this.end();
    } else if (event === 'close') {
      // Before its listeners: whoever owns a span that we adopted ends it in one of them.
      this.end();
    } else if (event === 'timeout') {
      this.#seen.timeout = true;
    } else if (event === 'error') {
      this.#exchange.fail(argument);
    } else if (event === 'finish') {
      this.#finish();
      // `removeAllListeners()` removed Node's own listener too, and without it `close` never comes.
      if (emitter.listenerCount('finish') === 0) this.end();
    }
  }

  /** Called when the response has given its socket up: by Node, when all is handed over, or by hand. */
  detached(): void {
    if (this.#seen.finish || !(this.#res as ServerResponse).writableFinished) return;
    this.#finish();
    this.end();
  }

  /** Node says so of bytes, too, that were lost with the socket. */
  #finish(): void {
    this.#seen.finish = this.#seen.connection?.lostBytes !== true;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#seen.connection?.remove(this);
    const served = this.#route && guarded('the route could not be read', this.#route);
    const mounted = typeof served === 'object';
    this.#exchange.end(this.#outcome(mounted ? undefined : served, mounted ? served.mount : undefined));
  }

  // A guard written out: as a closure it would be made for each request.
  #outcome(route: string | undefined, mount: string | undefined): HttpServerOutcome {
    try {
      const outcome = responseOutcome(this.#req, this.#res, this.#seen, route, mount);
      const { cutShort } = outcome;
      if (cutShort !== undefined && cutShort !== 'client_disconnected') {
        const error = destroyError(this.#res, this.#seen);
        if (error) this.#exchange.fail(error);
      }
      return outcome;
    } catch (error) {
      reportOnce('the outcome of a response could not be read', error);
      return { route, mount };
    }
  }
}

interface Bound {
  readonly binding: ExchangeBinding;
  readonly ofResponse: boolean;
  /** The emitter's own methods, where somebody gave it one before us. */
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
