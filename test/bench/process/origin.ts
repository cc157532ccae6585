// A server that answers calls and, when asked, tells what headers the last one brought.
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

let last: { headers: IncomingHttpHeaders; traceparents: number } | undefined;
const server = createServer((req, res) => {
  const names = req.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'traceparent');
  last = { headers: req.headers, traceparents: names.length };
  res.writeHead(200, { 'content-length': 2 });
  res.end('ok');
});
process.on('message', ({ id }: { id: number }) => {
  process.send?.({ id, answer: last });
  last = undefined;
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => process.send?.({ ready: (server.address() as AddressInfo).port }));
