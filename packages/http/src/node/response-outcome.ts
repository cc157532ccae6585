import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { HttpServerOutcome } from '@throughline/http-semantics';
import type { Connection } from './connection.ts';
import type { NodeRequest } from './request-record.ts';

export type NodeResponse = ServerResponse | Http2ServerResponse;

/** What was seen of a response while it was under way. */
export class ResponseWitness {
  /** Whether all of it was handed over. */
  finish = false;
  timeout = false;
  /** The status of the head that was seen to leave. */
  status: number | undefined = undefined;
  /** Whether no more is known than that head: it was written past the response, or switched the protocol. */
  headOnly = false;
  /** HTTP/1; absent where the socket is none that could be watched. */
  connection: Connection | undefined = undefined;
  /** HTTP/2: whether this side closed the stream. */
  closedHere = false;
  /** HTTP/2: whether the session was destroyed before the head had left. */
  headLost = false;
}

export function isHttp2(res: NodeResponse): res is Http2ServerResponse {
  return res instanceof Http2ServerResponse;
}

/** What became of a response that is over; by what left, not by what was last set on it. */
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

/** The error that this side gave up a response with, if it named one. */
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
  // Without a witness: a pipelined response that never got its turn has a head, and no socket to send it.
  const left = seen.status !== undefined || whole || (connection === undefined && res.socket !== null);
  const head = left && res.headersSent ? sentHead(res) : undefined;
  return {
    statusCode: head === undefined ? undefined : (seen.status ?? statusIn(head) ?? res.statusCode),
    route,
    mount,
    cutShort: whole ? undefined : whoCut(req as IncomingMessage, res, connection, timeout),
    header: (name) =>
      head === undefined ? undefined : (headerIn(head, name) ?? headerText(res.getHeader(name))),
  };
}

/**
 * A client that leaves sends FIN or RST. Without either it was this side, or Node for it, that gave the response up.
 *
 * The code of an error proves nothing: a proxy's upstream breaks with the same, and `res.destroy(error)` hands that
 * error to the socket.
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

/** Whether the client has said that it leaves: its FIN, unless the server takes that for the end of its requests only. */
export function hasLeft(socket: Socket | undefined): boolean {
  const { server } = (socket ?? {}) as { server?: { httpAllowHalfOpen?: boolean } };
  return socket?.readableEnded === true && server?.httpAllowHalfOpen !== true;
}

/** Whether an error is what the system says of a connection that the other side has left. */
function isOfSystem({ code, syscall }: NodeJS.ErrnoException): boolean {
  return LEFT.has(String(code)) && (syscall === 'read' || syscall === 'write' || syscall === 'shutdown');
}

const LEFT = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT']);

/**
 * The head as it was written, `HTTP/1.1 200 OK\r\n…`.
 *
 * Node keeps it in a field without documentation. It is the only witness: `statusCode` can be set after the head
 * has left, and headers given to `writeHead` are kept nowhere else. Without it the status falls back to
 * `statusCode`.
 */
function sentHead(res: ServerResponse): string {
  const { _header: head } = res as ServerResponse & { readonly _header?: unknown };
  return typeof head === 'string' ? head : '';
}

function statusIn(head: string): number | undefined {
  const status = Number(head.slice(9, 12));
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
