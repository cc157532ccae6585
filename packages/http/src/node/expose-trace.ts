import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { guarded } from '@throughline/core/seam';
import { type HttpServerExchange, type HttpServerOptions, traceHeader } from '@throughline/http-semantics';
import type { NodeResponse } from './response-outcome.ts';

const EXPOSE = 'Access-Control-Expose-Headers';

/**
 * Adds the ids of a request to its response: `Server-Timing: trace;desc=00-…`, or `traceresponse`.
 *
 * The header is added when the head is written, so that it joins the application's own `Server-Timing` and
 * `Access-Control-Expose-Headers` instead of being replaced by them.
 *
 * @see https://w3c.github.io/trace-context/#trace-context-http-response-headers-format
 */
export function exposeTrace(
  res: NodeResponse,
  exchange: HttpServerExchange,
  options: HttpServerOptions,
): void {
  const header = traceHeader(exchange, options);
  if (header === undefined) return;
  const { name, value } = header;
  const writeHead = (res as ServerResponse).writeHead as (...args: unknown[]) => ServerResponse;
  let exposed = false;
  (res as { writeHead: typeof writeHead }).writeHead = function exposing(this: ServerResponse, ...args) {
    if (exposed || this.headersSent) return Reflect.apply(writeHead, this, args);
    const given = args.at(-1);
    const rest = typeof given === 'object' && given !== null ? args.slice(0, -1) : args;
    try {
      if (rest !== args) setHeaders(this, given as OutgoingHttpHeaders);
    } catch {
      // Node reports itself what is wrong with them.
      return Reflect.apply(writeHead, this, args);
    }
    const expose = () => {
      append(this, name, value);
      if (this.hasHeader('Access-Control-Allow-Origin') && !exposes(this, name)) append(this, EXPOSE, name);
    };
    exposed = true;
    guarded('options.exposeTrace could not add its header', expose);
    return Reflect.apply(writeHead, this, rest);
  };
}

/** Sets the headers given to `writeHead` before ours, which they would replace. */
function setHeaders(res: ServerResponse, headers: OutgoingHttpHeaders | unknown[]): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value as string);
    return;
  }
  const pairs = Array.isArray(headers[0]) ? (headers as unknown[][]) : chunked(headers);
  for (const [name] of pairs) res.removeHeader(String(name));
  for (const [name, value] of pairs) res.appendHeader(String(name), value as string);
}

function chunked(flat: unknown[]): unknown[][] {
  return Array.from({ length: flat.length >> 1 }, (_, pair) => flat.slice(pair * 2, pair * 2 + 2));
}

function append(res: ServerResponse, name: string, value: string): void {
  const present = res.getHeader(name);
  res.setHeader(name, present === undefined ? value : `${[present].flat().join(', ')}, ${value}`);
}

function exposes(res: ServerResponse, name: string): boolean {
  const list = [res.getHeader(EXPOSE) ?? ''].flat().join(',').toLowerCase();
  return list.split(',').some((item) => item.trim() === '*' || item.trim() === name.toLowerCase());
}
