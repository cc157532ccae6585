import { Scope } from '@throughline/core/seam';
import { createHttpServerTracer } from '@throughline/http-semantics';
import { describe, expect, test } from 'vitest';

const scope = new Scope('express', 'traceContext()');
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
    expect(() => createHttpServerTracer({ [name]: value } as never, scope)).toThrow(
      new TypeError(`${of}options.${name} must be ${expected}`),
    );
  });

  test.each<[unknown, string]>([
    ['x', "options must be an object, got string 'x'"],
    [null, 'options must be an object, got null'],
    [[], 'options must be an object, got an array'],
    [() => {}, 'options must be an object, got function'],
  ])('options themselves: %j', (options, message) => {
    expect(() => createHttpServerTracer(options as never, scope)).toThrow(new TypeError(of + message));
  });

  test('an option that does not exist, with the list of those that do', () => {
    expect(() => createHttpServerTracer({ requesthook: () => {} } as never, scope)).toThrow(
      /^\[throughline\/express\] traceContext\(\): options\.requesthook does not exist; the options are tracerProvider, .*exposeTrace/,
    );
    expect(() => createHttpServerTracer(JSON.parse('{"__proto__": 1}'), scope)).toThrow(/does not exist/);
  });

  test('undefined counts as not given', () => {
    createHttpServerTracer({ ignore: undefined, trust: undefined, propagator: undefined });
  });
});
