import {
  createHttpServerTracer,
  createTracedFetch,
  createTraceHeaders,
  traceInterceptor,
} from '@throughline/core';
import { describe, expect, test } from 'vitest';

const owner = { package: 'express', entry: 'traceContext()' };
const of = '[throughline/express] traceContext(): ';
const DECISION = "'continue', 'restart', 'ignore', a trust decision or a function";

describe('server options are checked when the middleware is made', () => {
  test.each<[string, unknown, string]>([
    ['tracerProvider', {}, 'an object with getTracer(), got object'],
    ['tracerProvider', null, 'an object with getTracer(), got null'],
    ['meterProvider', 'x', "an object with getMeter(), got string 'x'"],
    ['propagator', 'w3c', "an object with extract(), inject() and fields(), got string 'w3c'"],
    ['propagator', { inject() {} }, 'an object with extract(), inject() and fields(), got object'],
    ['ignore', '/health', "a function, got string '/health'"],
    ['trust', 'yes', `${DECISION}, got string 'yes'`],
    ['trust', { parent: 'maybe' }, `${DECISION}, got object`],
    ['trust', { parent: 'continue', baggage: 'kepe' }, `${DECISION}, got object`],
    ['trust', { parent: 'continue', baggage: [7] }, `${DECISION}, got object`],
    ['trust', { parent: 'continue', sampled: 'never' }, `${DECISION}, got object`],
    ['spanName', 'GET', "a function, got string 'GET'"],
    ['attributes', { a: 1 }, 'a function, got object'],
    ['requestHook', true, 'a function, got boolean'],
    ['responseHook', 1, 'a function, got number'],
    ['captureRequestHeaders', 'accept', "an array of names, got string 'accept'"],
    ['captureResponseHeaders', [1], 'an array of names, got an array'],
    ['captureResponseHeaders', [''], 'an array of names, got an array'],
    ['redactQuery', {}, 'an array of names, got object'],
    ['trustProxy', 1, 'a boolean, got number'],
    ['activeRequests', 'yes', "a boolean, got string 'yes'"],
    ['exposeTrace', true, "'server-timing' or 'traceresponse', got boolean"],
    ['baggageAttributes', 'tenant', "an array of at most 16 names, got string 'tenant'"],
    [
      'baggageAttributes',
      Array.from({ length: 17 }, (_, i) => `k${i}`),
      'an array of at most 16 names, got an array',
    ],
  ])('options.%s of %j', (name, value, expected) => {
    expect(() => createHttpServerTracer({ [name]: value } as never, owner)).toThrow(
      new TypeError(`${of}options.${name} must be ${expected}`),
    );
  });

  test.each<[unknown, string]>([
    ['x', "options must be an object, got string 'x'"],
    [null, 'options must be an object, got null'],
    [[], 'options must be an object, got an array'],
    [() => {}, 'options must be an object, got function'],
  ])('options themselves: %j', (options, message) => {
    expect(() => createHttpServerTracer(options as never, owner)).toThrow(new TypeError(of + message));
  });

  test('an option that does not exist, with the list of those that do', () => {
    expect(() => createHttpServerTracer({ requesthook: () => {} } as never, owner)).toThrow(
      /^\[throughline\/express\] traceContext\(\): options\.requesthook does not exist; the options are tracerProvider, .*exposeTrace/,
    );
    expect(() => createHttpServerTracer(JSON.parse('{"__proto__": 1}'), owner)).toThrow(/does not exist/);
  });

  test('undefined counts as not given', () => {
    createHttpServerTracer({ ignore: undefined, trust: undefined, propagator: undefined });
  });
});

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
      new TypeError(`[throughline/core] createTracedFetch(): options.${name} must be ${expected}`),
    );
  });

  test('by each client in its own name', () => {
    expect(() => createTraceHeaders({ propagateTo: 'x' } as never)).toThrow(
      /^\[throughline\/core\] createTraceHeaders\(\): options\.propagateTo/,
    );
    expect(() => createTraceHeaders({ endOn: 'body' } as never)).toThrow(/options\.endOn does not exist/);
    expect(() => traceInterceptor({ baggageTo: 1 } as never)).toThrow(
      /^\[throughline\/core\] traceInterceptor\(\): options\.baggageTo/,
    );
    expect(() => traceInterceptor({ endOn: 'body' } as never)).toThrow(/options\.endOn does not exist/);
  });
});
