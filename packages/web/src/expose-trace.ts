import { type HttpServerExchange, type HttpServerOptions, traceHeader } from '@throughline/http-semantics';

const EXPOSE = 'access-control-expose-headers';

/**
 * Returns the response with the ids of its request, as the option `exposeTrace` has it: the same one, unless its headers cannot
 * be written, as those of a response that `fetch` returned.
 */
export function exposeTrace(
  response: Response,
  exchange: HttpServerExchange,
  options: HttpServerOptions,
): Response {
  const header = traceHeader(exchange, options);
  if (header === undefined) return response;
  const { name, value } = header;
  let exposing = response;
  try {
    response.headers.append(name, value);
  } catch {
    exposing = new Response(response.body, response);
    exposing.headers.append(name, value);
  }
  const { headers } = exposing;
  if (headers.has('access-control-allow-origin') && !exposes(headers, name)) headers.append(EXPOSE, name);
  return exposing;
}

function exposes(headers: Headers, name: string): boolean {
  const list = (headers.get(EXPOSE) ?? '').toLowerCase().split(',');
  return list.some((item) => item.trim() === '*' || item.trim() === name.toLowerCase());
}
