import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Context } from '@opentelemetry/api';
import { reportOnce } from '@throughline/core/seam';
import type { HttpServerExchange, HttpServerOutcome } from '@throughline/http-semantics';
import type { ServedRoute } from '../routes/served-route.ts';
import { type CarriedExchange, Connection } from './connection.ts';
import type { NodeRequest } from './request-record.ts';
import {
  destroyError,
  hasLeft,
  isHttp2,
  type NodeResponse,
  ResponseWitness,
  responseOutcome,
} from './response-outcome.ts';
import { watchStream } from './stream-watch.ts';

/** What names the route of a request. Two fields for a function and its argument: a closure would be made per request. */
export interface RouteSource {
  readonly route: (source: never) => ServedRoute;
  readonly source: unknown;
}

/** Applies the events of one request and its response to its exchange. */
export class ExchangeBinding implements CarriedExchange {
  readonly context: Context;
  readonly #req: NodeRequest;
  readonly #res: NodeResponse;
  readonly #exchange: HttpServerExchange;
  #route: RouteSource['route'] | undefined;
  #source: unknown;
  /** The methods that were replaced: Node's, or those that other code had put there. */
  emitOfRequest: EventEmitter['emit'] = EventEmitter.prototype.emit;
  emitOfResponse: EventEmitter['emit'] = EventEmitter.prototype.emit;
  detachSocket: ServerResponse['detachSocket'] | undefined = undefined;
  /**
   * Whether the response finished before any code listened for the end of the request. Node then reads the rest of the
   * request itself, and its own listener for that is the only one.
   */
  endsUnread = false;
  readonly #http2: boolean;
  readonly #seen = new ResponseWitness();
  #ended = false;

  constructor(
    req: NodeRequest,
    res: NodeResponse,
    exchange: HttpServerExchange,
    route: RouteSource['route'] | undefined,
    source: unknown,
  ) {
    this.context = exchange.context;
    this.#req = req;
    this.#res = res;
    this.#exchange = exchange;
    this.#route = route;
    this.#source = source;
    this.#http2 = isHttp2(res);
  }

  /** Watches the connection or the stream. Returns whether that is possible. */
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
    // It was routed through an application after the switch, so its response will never be sent.
    if (upgrade === true && this.#res.socket === null && connection.switched)
      setImmediate(() => this.headLeft(101));
    return true;
  }

  /** Lets `route` name the route, unless a server before did. Returns whether it does. */
  takeRoute({ route, source }: RouteSource): boolean {
    if (this.#route !== undefined) return false;
    this.#route = route;
    this.#source = source;
    return true;
  }

  get awaitsHead(): boolean {
    return this.#seen.status === undefined;
  }

  get finished(): boolean {
    return this.#seen.finish;
  }

  headLeft(status: number): void {
    // Node marks the response when it writes the head; a head without the mark was written past the response.
    const past = !this.#http2 && (this.#res as { _headerSent?: boolean })._headerSent !== true;
    // Node answers 400 to a request that was cut off, although its client has left.
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

  /** Called with each event of the request, before its listeners. */
  observeRequest(): void {
    // For its handler, a reset HTTP/2 stream looks like a body that has ended, but no answer can arrive.
    if (this.#http2 && (this.#res as { stream: ServerHttp2Stream }).stream.rstCode) this.end();
  }

  /** Called with each event of the response, before its listeners. */
  observeResponse(emitter: EventEmitter, event: string | symbol, argument: unknown): void {
    if (event === 'close') {
      // Before the listeners: the owner of an adopted span ends it in one of them.
      this.end();
    } else if (event === 'timeout') {
      this.#seen.timeout = true;
    } else if (event === 'error') {
      this.#exchange.fail(argument);
    } else if (event === 'finish') {
      this.#finish();
      this.endsUnread = !this.#http2 && this.#req.listenerCount('end') === 0;
      // `removeAllListeners()` removed Node's own listener too, and without it `close` never comes.
      if (emitter.listenerCount('finish') === 0) this.end();
    }
  }

  /** Called when the response has released its socket: by Node after the last byte, or by a handler. */
  detached(): void {
    if (this.#seen.finish || !(this.#res as ServerResponse).writableFinished) return;
    this.#finish();
    this.end();
  }

  /** Node emits `finish` also for bytes that were lost with the socket. */
  #finish(): void {
    this.#seen.finish = this.#seen.connection?.lostBytes !== true;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#seen.connection?.remove(this);
    const served = this.#servedRoute();
    const mounted = typeof served === 'object';
    this.#exchange.end(this.#outcome(mounted ? undefined : served, mounted ? served.mount : undefined));
  }

  // These guards are written out, because `guarded` would need a closure per request.

  #servedRoute(): ServedRoute {
    try {
      return this.#route?.(this.#source as never);
    } catch (error) {
      reportOnce('the route could not be read', error);
      return undefined;
    }
  }

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
