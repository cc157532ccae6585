import { type Context, ROOT_CONTEXT } from '@opentelemetry/api';
import { createPropagator, extractionOutcome } from '@throughline/propagators';
import { expect, it, test } from 'vitest';

const T = '0af7651916cd43dd8448eb211c80319c';
const U = '1af7651916cd43dd8448eb211c80319c';
const S = 'b7ad6b7169203331';
const OK = `00-${T}-${S}-01`;
const all = createPropagator('tracecontext,b3,jaeger,xray,grpc-trace-bin,baggage');

test.each<[string, unknown, string]>([
  ['traceparent', { traceparent: OK }, 'continued'],
  [
    'traceparent in white space, beside another trace',
    { Traceparent: ` ${OK}`, b3: `${U}-${S}` },
    'continued',
  ],
  ['nothing', {}, 'absent'],
  ['baggage only', { baggage: 'a=1' }, 'absent'],
  ['tracestate only', { tracestate: 'a=1' }, 'absent'],
  ['two lines', { traceparent: [OK, OK] }, 'duplicate'],
  ['two joined', { traceparent: `${OK}, ${OK}` }, 'duplicate'],
  ['junk', { traceparent: 'junk' }, 'malformed'],
  ['junk beside baggage', { traceparent: 'junk', baggage: 'a=1' }, 'malformed'],
  ['junk in another format', { b3: 'junk' }, 'malformed'],
  ['10 MB', { traceparent: ' '.repeat(10_000_000) }, 'malformed'],
  ['b3', { b3: `${T}-${S}` }, 'foreign:b3'],
  ['b3 beside a duplicate', { b3: `${T}-${S}`, traceparent: [OK, OK] }, 'foreign:b3'],
  ['b3 beside joined ones of the same trace', { b3: `${T}-${S}`, traceparent: `${OK},${OK}` }, 'foreign:b3'],
  ['bare b3: 0', { b3: '0' }, 'foreign:b3'],
  ['b3multi', { 'X-B3-TraceId': T.slice(16), 'X-B3-SpanId': S }, 'foreign:b3multi'],
  ['bare x-b3-sampled: 0', { 'x-b3-sampled': '0' }, 'foreign:b3multi'],
  ['jaeger', { 'uber-trace-id': `${T}:${S}:0:1` }, 'foreign:jaeger'],
  ['xray', { 'x-amzn-trace-id': `Root=1-${T.slice(0, 8)}-${T.slice(8)}` }, 'foreign:xray'],
  ['grpc', { 'grpc-trace-bin': Buffer.from(`0000${T}01${S}`, 'hex') }, 'foreign:grpc-trace-bin'],
])('%s', (_, carrier, expected) => {
  const after = all.extract(ROOT_CONTEXT, carrier);
  expect(extractionOutcome(ROOT_CONTEXT, after, carrier)).toBe(expected);
  // The same inside a context that continues a trace already.
  const outer = all.extract(ROOT_CONTEXT, { traceparent: `00-${'7'.repeat(32)}-${S}-01` });
  expect(extractionOutcome(outer, all.extract(outer, carrier), carrier)).toBe(expected);
});

it('does not take another package’s format for one of ours', () => {
  const after = all.extract(ROOT_CONTEXT, { traceparent: OK });
  expect(extractionOutcome(ROOT_CONTEXT, after, { vendor: '1', b3: `${U}-${S}` })).toBe('continued');
});

it('never throws', () => {
  for (const garbage of [null, undefined, 5, {}]) {
    expect(extractionOutcome(garbage as Context, garbage as Context, garbage)).toBe('malformed');
  }
});
