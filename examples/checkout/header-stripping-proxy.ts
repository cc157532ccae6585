import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

/** A proxy that runs. */
export interface HeaderStrippingProxy {
  /** Where to send requests instead: `http://127.0.0.1:8080`. */
  readonly url: string;
  close(): Promise<void>;
}

/** The headers that carry context. A gateway with an allow-list of headers often drops just these. */
export const STRIPPED_HEADERS: readonly string[] = ['traceparent', 'tracestate', 'baggage'];

/** Headers of one connection, not of the message; each side of the proxy has its own. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade', 'expect'];

/**
 * Starts an HTTP proxy that forwards everything to `target` except the headers that carry context, and returns it.
 *
 * Bodies stream both ways; when one side goes away the other is closed.
 *
 * @example
 * const proxy = await startHeaderStrippingProxy('http://127.0.0.1:3001');
 */
export async function startHeaderStrippingProxy(target: string): Promise<HeaderStrippingProxy> {
  const { hostname, port } = new URL(target);
  const server = createServer((req, res) => {
    const headers = without([...HOP_BY_HOP, ...STRIPPED_HEADERS], req.rawHeaders);
    const upstream = request({ hostname, port, method: req.method, path: req.url, headers });
    upstream.on('response', (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.statusMessage, without(HOP_BY_HOP, answer.rawHeaders));
      pipeline(answer, res, () => {});
    });
    upstream.on('error', () => {
      if (res.headersSent) res.destroy();
      else
        res
          .writeHead(502, { 'content-type': 'application/json' })
          .end('{"error":"no answer behind the proxy"}');
    });
    res.on('close', () => upstream.destroy());
    pipeline(req, upstream, () => {});
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Returns raw headers without some. Raw, because they keep repeats, order and letter case as sent. */
function without(names: readonly string[], rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2);
    if (!names.includes(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
