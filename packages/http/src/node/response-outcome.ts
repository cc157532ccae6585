import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { HttpServerOutcome } from '@throughline/http-semantics';
import { type Connection, statusOf } from './connection.ts';
import type { NodeRequest } from './request-record.ts';

export type NodeResponse = ServerResponse | Http2ServerResponse;

/** What was seen of a response while it was under way. */
export class ResponseWitness {
  /** Whether its last byte was handed over. */
  finish = false;
  timeout = false;
  /** The status of the head that was seen to be sent. */
  status: number | undefined = undefined;
  /** Whether only that head is known, because it was written past the response or switched the protocol. */
  headOnly = false;
  /** HTTP/1 only. Absent: the socket cannot be watched. */
  connection: Connection | undefined = undefined;
  /** HTTP/2: whether this side closed the stream. */
  closedHere = false;
  /** HTTP/2: whether the session was destroyed before the head was sent. */
  headLost = false;
}

export function isHttp2(res: NodeResponse): res is Http2ServerResponse {
  return res instanceof Http2ServerResponse;
}

/** Returns the outcome of a response that is over: what was sent, not what was last set on it. */
export function responseOutcome(
  req: NodeRequest,
  res: NodeResponse,
  seen: ResponseWitness,
  route: string | undefined,
  mount: string | undefined,
): HttpServerOutcome {
  if (seen.headOnly) return { statusCode: seen.status, route, mount };
  return isHttp2(res) ? http2Outcome(res, seen, route, mount) : http1Outcome(req, res, seen, route, mount);
}

/** Returns the error that this side destroyed a response with, if there is one. */
export function destroyError(res: NodeResponse, { connection }: ResponseWitness): unknown {
  return isHttp2(res) ? res.stream.errored : (res.errored ?? connection?.error);
}

interface SentHeaders {
  readonly [name: string]: string | string[] | number | undefined;
}

function http2Outcome(
  { stream }: Http2ServerResponse,
  seen: ResponseWitness,
  route: string | undefined,
  mount: string | undefined,
): HttpServerOutcome {
  const sent = seen.headLost ? undefined : (stream.sentHeaders as SentHeaders | undefined);
  const status = sent?.[':status'] as number | undefined;
  const { rstCode, aborted, writableFinished } = stream;
  const reset = aborted || rstCode !== constants.NGHTTP2_NO_ERROR;
  return {
    statusCode: status,
    route,
    mount,
    cutShort: status !== undefined && writableFinished && !reset ? undefined : http2Cut(seen, reset),
    header: (name) => headerText(sent?.[name]),
  };
}

function http2Cut(seen: ResponseWitness, reset: boolean): HttpServerOutcome['cutShort'] {
  if (reset && !seen.closedHere) return 'client_disconnected';
  return seen.timeout ? 'timeout' : 'response_destroyed';
}

function http1Outcome(
  req: NodeRequest,
  res: ServerResponse,
  seen: ResponseWitness,
  route: string | undefined,
  mount: string | undefined,
): HttpServerOutcome {
  const { finish: whole, connection, timeout } = seen;
  // Unwatched, a pipelined response whose turn never came has a head but no socket.
  const left = seen.status !== undefined || whole || (connection === undefined && res.socket !== null);
  const head = left && res.headersSent ? sentHead(res) : undefined;
  const statusCode = head === undefined ? undefined : (seen.status ?? statusIn(head) ?? res.statusCode);
  const cutShort = whole ? undefined : whoCut(req as IncomingMessage, res, connection, timeout);
  return new Http1Outcome(statusCode, route, mount, cutShort, head === undefined ? undefined : res);
}

/** A class, because `header` is rarely called, and a function of its own would be made per request. */
class Http1Outcome implements HttpServerOutcome {
  readonly statusCode: number | undefined;
  readonly route: string | undefined;
  readonly mount: string | undefined;
  readonly cutShort: HttpServerOutcome['cutShort'];
  readonly #sent: ServerResponse | undefined;

  constructor(
    statusCode: number | undefined,
    route: string | undefined,
    mount: string | undefined,
    cutShort: HttpServerOutcome['cutShort'],
    sent: ServerResponse | undefined,
  ) {
    this.statusCode = statusCode;
    this.route = route;
    this.mount = mount;
    this.cutShort = cutShort;
    this.#sent = sent;
  }

  header(name: string): string | string[] | undefined {
    const sent = this.#sent;
    return sent && (headerIn(sentHead(sent), name) ?? headerText(sent.getHeader(name)));
  }
}

/**
 * Returns why a response was cut short. A client that leaves sends FIN or RST; without either, this side, or Node for it, has
 * destroyed the response.
 *
 * The code of an error proves nothing: a proxy's upstream breaks with the same one, and `res.destroy(error)` passes that
 * error on to the socket.
 */
function whoCut(
  req: IncomingMessage,
  res: ServerResponse,
  connection: Connection | undefined,
  timeout: boolean,
): HttpServerOutcome['cutShort'] {
  const { socket } = req;
  const error = connection === undefined ? (socket?.errored as NodeJS.ErrnoException) : connection.error;
  if (error?.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'timeout';
  const own = error === res.errored || error === req.errored || connection?.foreignError === true;
  if (hasLeft(socket) || (error && !own && isOfSystem(error))) return 'client_disconnected';
  return timeout ? 'timeout' : 'response_destroyed';
}

/** Returns whether the client has sent FIN, unless the server allows half-open connections and takes it for no farewell. */
export function hasLeft(socket: Socket | undefined): boolean {
  const { server } = (socket ?? {}) as { server?: { httpAllowHalfOpen?: boolean } };
  return socket?.readableEnded === true && server?.httpAllowHalfOpen !== true;
}

/** Returns whether an error is the system's for a connection that the other side has left. */
function isOfSystem({ code, syscall }: NodeJS.ErrnoException): boolean {
  return LEFT.has(String(code)) && (syscall === 'read' || syscall === 'write' || syscall === 'shutdown');
}

const LEFT = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT']);

/**
 * Returns the head as it was written, `HTTP/1.1 200 OK\r\n…`; without it, the status falls back to `statusCode`.
 *
 * Node keeps it in an undocumented field, which is the only witness: `statusCode` can be set after the head was sent, and
 * headers given to `writeHead` are kept nowhere else.
 */
function sentHead(res: ServerResponse): string {
  const { _header: head } = res as ServerResponse & { readonly _header?: unknown };
  return typeof head === 'string' ? head : '';
}

function statusIn(head: string): number | undefined {
  const status = statusOf(head);
  return head.startsWith('HTTP/') && status >= 100 ? status : undefined;
}

function headerIn(head: string | undefined, name: string): string | string[] | undefined {
  const values = (head ?? '')
    .split('\r\n')
    .slice(1)
    .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as const)
    .filter(([key]) => key.toLowerCase() === name)
    .map(([, value]) => value);
  return values.length > 1 ? values : values[0];
}

function headerText(value: string | string[] | number | undefined): string | string[] | undefined {
  return typeof value === 'number' ? String(value) : value;
}
