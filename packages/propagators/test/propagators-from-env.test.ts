import { propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { createPropagator } from '@throughline/propagators';
import { afterEach, expect, it, test, vi } from 'vitest';

afterEach(() => vi.unstubAllEnvs());

test.each<[string | undefined, string[]]>([
  [undefined, ['traceparent', 'tracestate', 'baggage']],
  ['', ['traceparent', 'tracestate', 'baggage']],
  ['  ', ['traceparent', 'tracestate', 'baggage']],
  ['tracecontext', ['traceparent', 'tracestate']],
  ['baggage', ['baggage']],
  ['b3', ['b3']],
  ['b3multi', ['x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled', 'x-b3-flags']],
  ['jaeger', ['uber-trace-id']],
  ['xray', ['x-amzn-trace-id']],
  ['grpc-trace-bin', ['grpc-trace-bin']],
  [' b3 , tracecontext,b3,', ['b3', 'traceparent', 'tracestate']],
  ['none', []],
  ['none,b3', []],
])('OTEL_PROPAGATORS=%s', (value, fields) => {
  vi.stubEnv('OTEL_PROPAGATORS', value);
  expect(createPropagator().fields()).toEqual(fields);
});

it('an argument wins over the environment', () => {
  vi.stubEnv('OTEL_PROPAGATORS', 'nonsense');
  expect(createPropagator('b3').fields()).toEqual(['b3']);
  expect(createPropagator(['xray', 'b3']).fields()).toEqual(['x-amzn-trace-id', 'b3']);
});

it('takes different names for the two directions', () => {
  const propagator = createPropagator({ extract: 'b3', inject: ['tracecontext'] });
  const context = propagator.extract(ROOT_CONTEXT, {
    b3: '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1',
    baggage: 'a=1',
  });
  const out = {};
  propagator.inject(context, out);
  expect(out).toEqual({ traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
  expect(propagation.getBaggage(context)).toBeUndefined();
  expect(trace.getSpanContext(context)).toBeDefined();
});

test('an unknown name throws at set-up with the list of known names', () => {
  vi.stubEnv('OTEL_PROPAGATORS', 'tracecontext,b3-multi');
  expect(() => createPropagator()).toThrow(
    new TypeError(
      '[throughline/propagators] createPropagator(): unknown propagator "b3-multi"; known names are tracecontext, baggage, b3, b3multi, jaeger, xray, grpc-trace-bin, none',
    ),
  );
  expect(() => createPropagator('__proto__')).toThrow(/unknown propagator "__proto__"/);
  expect(() => createPropagator(5 as never)).toThrow(
    /names must be a string or an array of strings, got number/,
  );
  expect(() => createPropagator([5] as never)).toThrow(/got an array of something else/);
  expect(() => createPropagator({ extract: 'b3' } as never)).toThrow(/got undefined/);
});
