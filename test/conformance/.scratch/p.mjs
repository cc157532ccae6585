import { createServer } from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { context, DiagConsoleLogger, diag, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { exchangeOf, traceListener } from '@throughline/http';

diag.setLogger(new DiagConsoleLogger(), 40);
const proc = {
  onStart() {},
  onEnd(s) {
    console.log('SPAN', s.name, s.status.code, JSON.stringify(s.attributes));
  },
  forceFlush: async () => {},
  shutdown: async () => {},
};
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [proc] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const handler = (req, res) => {
  exchangeOf(req)?.setRoute('/x');
  const u = req.url;
  if (u === '/ok') return res.end('hi');
  if (u === '/hang') return;
  if (u === '/part') {
    res.writeHead(201, { 'x-a': '1' });
    res.write('x');
    return;
  }
  if (u === '/destroyerr') {
    res.write('x');
    return res.destroy(new Error('boom'));
  }
  if (u === '/sock') {
    return req.socket.destroy();
  }
  if (u === '/late') {
    res.writeHead(202);
    res.write('a');
    res.statusCode = 500;
    return res.end();
  }
  if (u === '/listen') {
    req.on('data', () => {});
    req.on('end', () =>
      res.end(
        String(trace.getActiveSpan()?.spanContext().spanId === exchangeOf(req).span.spanContext().spanId),
      ),
    );
    return;
  }
  res.end();
};
const s = createServer(
  traceListener(handler, { captureResponseHeaders: ['x-a'], exposeTrace: 'server-timing' }),
);
await new Promise((r) => s.listen(0, '127.0.0.1', r));
const port = s.address().port;
const base = 'http://127.0.0.1:' + port;
console.log((await fetch(base + '/ok?token=abc&x=1')).headers.get('server-timing'));
console.log(await (await fetch(base + '/listen', { method: 'POST', body: 'abc' })).text());
for (const p of ['/hang', '/part']) {
  const ac = new AbortController();
  setTimeout(() => ac.abort(), 50);
  await fetch(base + p, { signal: ac.signal })
    .then((r) => r.text())
    .catch((e) => console.log(e.name));
  await new Promise((r) => setTimeout(r, 30));
}
for (const p of ['/destroyerr', '/sock', '/late']) {
  await fetch(base + p)
    .then((r) => r.text())
    .catch((e) => console.log(e.name));
  await new Promise((r) => setTimeout(r, 30));
}
// rst
{
  const c = net.connect(port, '127.0.0.1');
  c.write('GET /hang HTTP/1.1\r\nHost: a\r\n\r\n');
  setTimeout(() => c.resetAndDestroy(), 50);
  await new Promise((r) => setTimeout(r, 100));
}
// pipelined
{
  console.log('pipe');
  const c = net.connect(port, '127.0.0.1');
  c.write('GET /hang HTTP/1.1\r\nHost: a\r\n\r\nGET /hang?2 HTTP/1.1\r\nHost: a\r\n\r\n');
  setTimeout(() => c.destroy(), 50);
  await new Promise((r) => setTimeout(r, 100));
}
// timeout
{
  console.log('timeout');
  s.setTimeout(60);
  const c = net.connect(port, '127.0.0.1');
  c.write('GET /hang HTTP/1.1\r\nHost: a\r\n\r\n');
  c.on('error', () => {});
  await new Promise((r) => setTimeout(r, 200));
  s.setTimeout(0);
}
s.close();
s.closeAllConnections();
const h = http2.createServer(traceListener(handler, { exposeTrace: 'server-timing' }));
await new Promise((r) => h.listen(0, r));
const cl = http2.connect('http://localhost:' + h.address().port);
for (const [p, f] of [['/ok'], ['/part', (r) => r.close(8)], ['/hang', (r) => r.close(8)], ['/late']]) {
  const r = cl.request({ ':path': p });
  r.on('response', (x) => console.log(x[':status'], x['server-timing']));
  r.on('error', () => {});
  r.resume();
  if (f) setTimeout(() => f(r), 50);
  await new Promise((x) => setTimeout(x, 100));
}
cl.close();
h.close();
