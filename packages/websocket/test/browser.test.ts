import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { assertConnectedTrace, createSpanCollector } from '@throughline/testing';
import { jsonCodec } from '@throughline/websocket';
import { traceWebSocketServer } from '@throughline/websocket/ws';
import { chromium } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { sdk3 } from '../../../test/conformance/sdk3.ts';

const executablePath = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'chromium'))
  .find(existsSync);
const skipped = executablePath === undefined ? ' [skipped: there is no chromium on the path]' : '';

const spans = createSpanCollector();
beforeAll(() => {
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
});
afterEach(() => spans.assertClean());
afterAll(() => {
  for (const api of [context, propagation, trace]) api.disable();
});

const DIST = join(import.meta.dirname, '../dist');
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

/** What the page does: it opens a socket with a context, sends a message with it, and returns what the answer carries. */
const PAGE = `<script type="module">
  import { jsonCodec, urlWithContext } from '/dist/index.js';
  const traceparent = '00-${TRACE_ID}-b7ad6b7169203331-01';
  window.answer = new Promise((resolve, reject) => {
    const socket = new WebSocket(urlWithContext('ws://' + location.host + '/chat', { traceparent, baggage: 'user=7' }));
    socket.onopen = () => socket.send(jsonCodec.seal('{"question":1}', { traceparent, baggage: 'tenant=acme' }));
    socket.onmessage = ({ data }) => resolve(jsonCodec.open(data));
    socket.onerror = reject;
  });
</script>`;

it.skipIf(executablePath === undefined)(
  `a browser opens a socket with a context in its URL, and sees the context of the answer${skipped}`,
  async () => {
    const http = createServer((req, res) => {
      const file = join(DIST, (req.url ?? '').replace('/dist', ''));
      if (req.url?.startsWith('/dist/') && file.startsWith(DIST) && existsSync(file))
        res.setHeader('content-type', 'text/javascript').end(readFileSync(file));
      else res.setHeader('content-type', 'text/html').end(PAGE);
    });
    const Server = traceWebSocketServer(WebSocketServer, {
      contextFromQuery: true,
      selfCheck: 'off',
      messages: { codec: jsonCodec },
    });
    const server = new Server({ server: http, path: '/chat' });
    const urls: (string | undefined)[] = [];
    server.on('connection', (socket: WebSocket, req: { url?: string }) => {
      urls.push(req.url);
      socket.on('message', (message) => {
        const tenant = propagation.getActiveBaggage()?.getEntry('tenant')?.value;
        socket.send(JSON.stringify({ asked: JSON.parse(String(message)), tenant }));
      });
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    const browser = await chromium.launch({
      executablePath: executablePath as string,
      args: ['--no-sandbox', '--disable-gpu'],
    });
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${port}/`);
      const answer = (await page.evaluate('window.answer')) as {
        data: string;
        fields: { traceparent: string };
      };

      expect(JSON.parse(answer.data)).toEqual({ asked: { question: 1 }, tenant: 'acme' });
      const [handshake, process, send] = [
        await spans.take(({ kind }) => kind === SpanKind.SERVER),
        await spans.take(({ kind }) => kind === SpanKind.CONSUMER),
        await spans.take(({ kind }) => kind === SpanKind.PRODUCER),
      ];
      for (const span of [handshake, process]) {
        expect(span.spanContext().traceId).toBe(TRACE_ID);
        expect(span.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
      }
      assertConnectedTrace([process, send]);
      expect(answer.fields.traceparent).toBe(`00-${TRACE_ID}-${send.spanContext().spanId}-01`);
      expect(urls).toEqual([expect.not.stringContaining('baggage')]);
    } finally {
      await browser.close();
      for (const client of server.clients) client.terminate();
      server.close();
      http.close();
    }
  },
  30_000,
);
