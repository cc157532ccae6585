import { fromCidr, trustWhen } from '@throughline/http-semantics';
import { throughline } from '../process/throughline.ts';

export default throughline('Throughline with everything on', {
  measures: true,
  server: {
    trust: trustWhen(fromCidr('127.0.0.0/8')),
    ignore: (request) => request.target === '/health',
    spanName: (request, route) => (route === undefined ? request.method : `${request.method} ${route}`),
    attributes: () => ({ 'app.tenant': 'acme' }),
    requestHook: ({ span }) => span.setAttribute('app.started', true),
    responseHook: ({ span, outcome }) => span.setAttribute('app.status', outcome.statusCode ?? 0),
    captureRequestHeaders: ['accept', 'content-type'],
    captureResponseHeaders: ['content-type', 'content-length'],
    baggageAttributes: ['key0', 'key1'],
    trustProxy: true,
    activeRequests: true,
    exposeTrace: 'server-timing',
  },
  client: { propagateTo: [/^http:/], captureResponseHeaders: ['content-type'] },
});
