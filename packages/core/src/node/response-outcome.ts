import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { HttpServerOutcome } from '../http-server-request.ts';

export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Events that a response has emitted. */
export interface ResponseEvents {
  finish: boolean;
  timeout: boolean;
}

/** What became of a response whose `close` event has come; by what was sent, not by what was last set on it. */
export function responseOutcome(
  req: NodeRequest,
  res: NodeResponse,
  seen: ResponseEvents,
  route: string | undefined,
): HttpServerOutcome {
  return res instanceof Http2ServerResponse
    ? http2Outcome(res, seen, route)
    : http1Outcome(req, res, seen, route);
}

function http2Outcome(
  res: Http2ServerResponse,
  seen: ResponseEvents,
  route: string | undefined,
): HttpServerOutcome {
  const { stream } = res;
  const sent = stream.sentHeaders as
    | { readonly [name: string]: string | string[] | number | undefined }
    | undefined;
  const whole = res.writableEnded && !stream.aborted && stream.rstCode === constants.NGHTTP2_NO_ERROR;
  // Clients cancel; a stream that this side destroys is reset with another code, or with none.
  const byClient = stream.rstCode === constants.NGHTTP2_CANCEL;
  return {
    statusCode: sent?.[':status'] as number | undefined,
    route,
    cutShort: whole
      ? undefined
      : seen.timeout
        ? 'timeout'
        : byClient
          ? 'client_disconnected'
          : 'response_destroyed',
    header: (name) => headerText(sent?.[name]),
  };
}

function http1Outcome(
  req: NodeRequest,
  res: ServerResponse,
  seen: ResponseEvents,
  route: string | undefined,
): HttpServerOutcome {
  const whole = seen.finish;
  // A pipelined response that never got its turn has a head, and no socket that could have sent it.
  const head = res.headersSent && (whole || res.socket !== null) ? sentHead(res) : undefined;
  return {
    statusCode: head === undefined ? undefined : (statusIn(head) ?? res.statusCode),
    route,
    cutShort: whole ? undefined : seen.timeout ? 'timeout' : whoCut(req),
    header: (name) => headerIn(head, name) ?? headerText(res.getHeader(name)),
  };
}

/** A client that leaves sends FIN or RST first; without either it was this side that destroyed the socket. */
function whoCut(req: NodeRequest): HttpServerOutcome['cutShort'] {
  const { socket } = req;
  const code = (socket?.errored as NodeJS.ErrnoException | null | undefined)?.code;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'timeout';
  return socket?.readableEnded || code === 'ECONNRESET' || code === 'EPIPE'
    ? 'client_disconnected'
    : 'response_destroyed';
}

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
