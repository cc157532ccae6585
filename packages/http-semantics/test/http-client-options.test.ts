import { Scope } from '@throughline/core/seam';
import { createTracedFetch, createTraceHeaders, traceInterceptor } from '@throughline/fetch';
import { createHttpClientTracer } from '@throughline/http-semantics';
import { describe, expect, test } from 'vitest';

describe('client options are checked at set-up', () => {
  const FORMS =
    "origins such as 'https://api.example.com' or 'https://*.example.com', regular expressions or functions";
  const words = (list: string) => `${list} or an array of ${FORMS}`;
  test.each<[string, unknown, string]>([
    ['fetch', 'undici', "a function, got string 'undici'"],
    ['endOn', 'close', "'headers' or 'body', got string 'close'"],
    ['propagateTo', 'private', `${words("'all', 'none'")}, got string 'private'`],
    ['propagateTo', ['api.example.com'], `${words("'all', 'none'")}, got an array`],
    ['propagateTo', ['https://api.example.com/path'], `${words("'all', 'none'")}, got an array`],
    ['propagateTo', ['https://user@api.example.com'], `${words("'all', 'none'")}, got an array`],
    ['propagateTo', ['https://api.example.com:99999'], `${words("'all', 'none'")}, got an array`],
    ['propagateTo', ['https://a b.example'], `${words("'all', 'none'")}, got an array`],
    ['propagateTo', ['https://a\\b'], `${words("'all', 'none'")}, got an array`],
    ['propagateTo', ['https://*'], `${words("'all', 'none'")}, got an array`],
    ['propagateTo', ['https://a.*.example.com'], `${words("'all', 'none'")}, got an array`],
    ['propagateTo', ['ftp://example.com'], `${words("'all', 'none'")}, got an array`],
    ['propagateTo', [null], `${words("'all', 'none'")}, got an array`],
    ['propagateTo', [{ to: 'https://a.example' }], `${words("'all', 'none'")}, got an array`],
    [
      'propagateTo',
      [{ to: 'https://a.example', propagator: { inject() {} } }],
      `${words("'all', 'none'")}, got an array`,
    ],
    [
      'propagateTo',
      [{ to: { to: 'https://a.example' }, propagator: {} }],
      `${words("'all', 'none'")}, got an array`,
    ],
    ['baggageTo', 'public', `${words("'all', 'none', 'private'")}, got string 'public'`],
    ['baggageEntries', 'tenant', "an array of names, got string 'tenant'"],
    ['spanName', 1, 'a function, got number'],
    ['ignore', [], 'a function, got an array'],
    ['attributes', 1, 'a function, got number'],
    ['requestHook', 1, 'a function, got number'],
    ['responseHook', 1, 'a function, got number'],
    ['captureRequestHeaders', 1, 'an array of names, got number'],
    ['captureResponseHeaders', 1, 'an array of names, got number'],
    ['redactQuery', 1, 'an array of names, got number'],
    ['tracerProvider', 1, 'an object with getTracer(), got number'],
    ['meterProvider', 1, 'an object with getMeter(), got number'],
    ['propagator', 1, 'an object with extract(), inject() and fields(), got number'],
  ])('options.%s of %j', (name, value, expected) => {
    expect(() => createTracedFetch({ [name]: value } as never)).toThrow(
      new TypeError(`[throughline/fetch] createTracedFetch(): options.${name} must be ${expected}`),
    );
  });

  test('by the tracer that a client is built from, with the rules of that client', () => {
    const create = (options: object) =>
      createHttpClientTracer(options as never, new Scope('rpc', 'traceClient()'), { retries: 'boolean' });
    expect(() => create({ ignore: 'no', retries: true })).toThrow(
      new TypeError(`[throughline/rpc] traceClient(): options.ignore must be a function, got string 'no'`),
    );
    expect(() => create({ retries: 2 })).toThrow(/options\.retries must be a boolean, got number/);
    expect(() => create({ ignored: () => true })).toThrow(/options\.ignored does not exist/);
    expect(() => create(null as never)).toThrow(/options must be an object, got null/);
    expect(create({ retries: true })).toBeTypeOf('function');
  });

  test('by each client in its own name', () => {
    expect(() => createTraceHeaders({ propagateTo: 'x' } as never)).toThrow(
      /^\[throughline\/fetch\] createTraceHeaders\(\): options\.propagateTo/,
    );
    expect(() => createTraceHeaders({ endOn: 'body' } as never)).toThrow(/options\.endOn does not exist/);
    expect(() => traceInterceptor({ baggageTo: 1 } as never)).toThrow(
      /^\[throughline\/fetch\] traceInterceptor\(\): options\.baggageTo/,
    );
    expect(() => traceInterceptor({ endOn: 'body' } as never)).toThrow(/options\.endOn does not exist/);
  });
});
