import { once } from 'node:events';
import { createServer } from 'node:http';
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import {
  createTracedFetch,
  runInContext,
  tracedFetch,
  traceHeaders,
  traceInterceptor,
} from '@throughline/core';
import { Agent, request, fetch as ufetch } from 'undici';

const proc = {
  onStart() {},
  onEnd(s) {
    console.log('  SPAN', s.name, s.status.code, JSON.stringify(s.attributes));
  },
  forceFlush: async () => {},
  shutdown: async () => {},
};
const tp = new TracerProvider({ spanProcessors: [proc] });
trace.setGlobalTracerProvider(tp);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(
  new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
);
const h = (name) =>
  createServer((q, r) => {
    let b = '';
    q.on('data', (c) => (b += c));
    q.on('end', () => {
      console.log(
        '  ',
        name,
        q.method,
        q.url,
        'tp=' + !!q.headers.traceparent,
        'bag=' + q.headers.baggage,
        'body=' + b,
        q.headers.authorization ?? '',
      );
      const m = /^\/r(\d+)/.exec(q.url);
      if (m) {
        r.writeHead(+m[1], { location: new URL(q.url, 'http://x').searchParams.get('to') });
        return r.end('redir');
      }
      if (q.url === '/slow') {
        r.write('a');
        return;
      }
      r.statusCode = q.url === '/500' ? 500 : 200;
      r.end('ok:' + b);
    });
  });
const a = h('A'),
  b = h('B');
a.listen(0, '127.0.0.1');
b.listen(0, '127.0.0.1');
await new Promise((r) => setTimeout(r, 50));
const A = 'http://127.0.0.1:' + a.address().port,
  B = 'http://127.0.0.1:' + b.address().port;
const bag = propagation.createBaggage({ u: { value: '1' } });
const t = async (n, f) => {
  console.log(n);
  try {
    const r = await runInContext(propagation.setBaggage(ROOT_CONTEXT, bag), f);
    console.log(
      '  ->',
      r.status ?? r.statusCode,
      r.redirected,
      r.url,
      (await (r.text?.() ?? r.body.text())).slice(0, 30),
    );
  } catch (e) {
    console.log('  !!', e.name, e.message, e.cause?.message);
  }
};
await t('plain', () => tracedFetch(A + '/x?sig=abc'));
await t('302', () =>
  tracedFetch(A + '/r302?to=/y', { method: 'POST', body: 'abc', headers: { authorization: 's' } }),
);
await t('307 same', () => tracedFetch(A + '/r307?to=/y', { method: 'POST', body: 'abc' }));
await t('307 Request', () =>
  tracedFetch(new Request(A + '/r307?to=/y', { method: 'POST', body: 'abc', headers: { 'x-a': '1' } })),
);
await t('302 cross', () =>
  tracedFetch(A + '/r302?to=' + encodeURIComponent(B + '/y'), { headers: { authorization: 's' } }),
);
await t('302 cross allowed', () =>
  createTracedFetch({ propagateTo: [A, B] })(A + '/r302?to=' + encodeURIComponent(B + '/y')),
);
await t('loop', () => tracedFetch(A + '/r302?to=' + encodeURIComponent('/r302?to=/r302?to=/z')));
await t('manual', () => tracedFetch(A + '/r302?to=/y', { redirect: 'manual' }));
await t('error', () => tracedFetch(A + '/r302?to=/y', { redirect: 'error' }));
await t('500', () => tracedFetch(A + '/500'));
await t('refused', () => tracedFetch('http://user:pw@127.0.0.1:1/'.replace('user:pw@', '')));
await t('abort', () => tracedFetch(A + '/slow', { signal: AbortSignal.timeout(50) }).then((r) => r));
await t('body', () => createTracedFetch({ endOn: 'body' })(A + '/x'));
await t('sigv4', () => tracedFetch(A + '/x', { headers: { authorization: 'AWS4-HMAC-SHA256 Cred' } }));
await t('undici', () => createTracedFetch({ fetch: ufetch })(A + '/x', { method: 'post', body: 'q' }));
const agent = new Agent().compose(traceInterceptor());
await t('interceptor', () => request(A + '/x', { dispatcher: agent, headers: { 'x-y': '1' } }));
await t('interceptor+tracedFetch', () =>
  createTracedFetch({ fetch: ufetch })(A + '/x', { dispatcher: agent }),
);
await t('data', () => tracedFetch('data:text/plain,hi'));
await t('bad', () => tracedFetch('nope'));
console.log(traceHeaders(A));
a.close();
b.close();
a.closeAllConnections();
b.closeAllConnections();
agent.close();
