import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { exchangeOf, traceListener } from '@throughline/http';

type Route = (req: IncomingMessage, res: ServerResponse) => Promise<void> | void;

const ROUTES: Readonly<Record<string, Route>> = {
  '/items/:id': (_req, res) => {
    describeWork();
    send(res, 200, { item: 'tea' });
  },
  '/moved': (_req, res) => void res.writeHead(302, { location: '/items/1' }).end(),
  '/failing': (_req, res) => send(res, 500, { error: 'no stock' }),
  '/stream': async (_req, res) => {
    for (let i = 0; i < 5; i++) {
      res.write(`chunk ${i}\n`);
      await delay(10);
    }
    res.end();
  },
  // Head and first bytes go out, so that the client can tell that it is in the middle; the end never comes.
  '/hanging': (_req, res) => void res.writeHead(200).write('one moment'),
};

/** The service behind: plain `node:http`, and spans with everything in them that a back end could lose. */
export function backListener() {
  return traceListener((req, res) => {
    const route = (req.url ?? '').replace(/^\/items\/.*/, '/items/:id');
    const handle = ROUTES[route];
    if (!handle) return send(res, 404, { error: 'no such page' });
    exchangeOf(req)?.setRoute(route);
    void handle(req, res);
  });
}

function describeWork() {
  const tracer = trace.getTracer('shop');
  tracer.startActiveSpan('look up', (span) => {
    span.setAttributes({
      'shop.text': 'Grüße, 世界 🍵 "quoted"\n',
      'shop.empty': '',
      'shop.integer': 42,
      'shop.large': 9_007_199_254_740_991,
      'shop.negative': -1,
      'shop.double': 0.1,
      'shop.yes': true,
      'shop.no': false,
      'shop.texts': ['a', 'b c', ''],
      'shop.numbers': [1, 2, 3],
      'shop.flags': [true, false],
    });
    span.addEvent('cache missed', { 'cache.key': 'tea', 'cache.age': 3 });
    span.recordException(new RangeError('not in the cache'));
    span.setStatus({ code: SpanStatusCode.OK });
    span.end();
  });
  const current = trace.getActiveSpan()?.spanContext();
  const links = current && [{ context: current, attributes: { 'link.reason': 'asked for it' } }];
  const message = tracer.startSpan('publish stock', { kind: SpanKind.PRODUCER, ...(links && { links }) });
  message.setStatus({ code: SpanStatusCode.ERROR, message: 'queue is full' });
  message.end();
  tracer.startSpan('process stock', { kind: SpanKind.CONSUMER }).end();
}

function send(res: ServerResponse, status: number, body: object) {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
