import { ROOT_CONTEXT, type TextMapPropagator, trace } from '@opentelemetry/api';
import { runInContext, withBaggage } from '@throughline/core';
import { createTraceHeaders, traceHeaders } from '@throughline/fetch';
import type { Target } from '@throughline/http-semantics';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listenToDiag, SPAN_ID, startSdk, stopSdk, TRACE_ID, TRACEPARENT } from '../../core/test/sdk.ts';

beforeEach(() => void startSdk());
afterEach(stopSdk);

const active = trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1 });
const inTrace = <T>(fn: () => T) => runInContext(active, () => withBaggage({ user: '7' }, fn));
const told = (url: string, options: Parameters<typeof createTraceHeaders>[0]) =>
  Object.keys(inTrace(() => createTraceHeaders(options)(url)));

describe('propagateTo', () => {
  test.each<[Target, string, boolean]>([
    ['https://api.example.com', 'https://api.example.com/orders?x', true],
    ['https://api.example.com/', 'https://api.example.com', true],
    ['https://API.Example.com', 'https://api.example.com', true],
    ['https://api.example.com', 'https://api.example.com:443/', true],
    ['https://api.example.com:443', 'https://api.example.com/', true],
    ['https://api.example.com', 'https://user:pass@api.example.com/', true],
    ['https://api.example.com', 'http://api.example.com/', false],
    ['https://api.example.com', 'https://api.example.com:8443/', false],
    ['https://api.example.com:8443', 'https://api.example.com:8443/', true],
    ['https://api.example.com', 'https://api.example.com.evil.test/', false],
    ['https://api.example.com', 'https://evil.test/https://api.example.com', false],
    ['https://api.example.com', 'https://evil.test/?https://api.example.com', false],
    ['https://api.example.com', 'https://api.example.com@evil.test/', false],
    ['https://api.example.com', 'https://xapi.example.com/', false],
    ['https://api.example.com', 'https://api.example.com./', false],
    ['http://10.0.0.7:8080', 'http://10.0.0.7:8080/', true],
    ['http://[::1]:3000', 'http://[::1]:3000/x', true],
    ['https://*.example.com', 'https://api.example.com/', true],
    ['https://*.example.com', 'https://a.b.example.com/', true],
    ['https://*.example.com', 'https://example.com/', false],
    ['https://*.example.com', 'https://evilexample.com/', false],
    ['https://*.example.com', 'https://api.example.com.evil.test/', false],
    ['https://*.example.com', 'http://api.example.com/', false],
    ['https://*.example.com', 'https://api.example.com:8443/', false],
    ['https://*.example.com:8443', 'https://api.example.com:8443/', true],
    ['https://*.münchen.example', 'https://api.xn--mnchen-3ya.example/', true],
    [/^https:\/\/[a-z]+\.example\.com$/, 'https://api.example.com/', true],
    [/example\.com/, 'https://evil.test/example.com', false],
    [/^https:\/\/api\./g, 'https://api.example.com/', true],
    [/^https:\/\/api\./y, 'https://api.example.com/', true],
    [({ hostname }) => hostname.endsWith('.test'), 'https://a.test/', true],
    [({ hostname }) => hostname.endsWith('.test'), 'https://a.example/', false],
    [(() => 'yes') as never, 'https://a.example/', false],
    [
      () => {
        throw new Error('no');
      },
      'https://a.example/',
      false,
    ],
    [(async () => true) as never, 'https://a.example/', false],
    [
      (async () => {
        throw new Error('rejected');
      }) as never,
      'https://a.example/',
      false,
    ],
  ])('%s, %s: %s', (target, url, expected) => {
    const headers = createTraceHeaders({ propagateTo: [target], baggageTo: 'none' });
    // Twice, since a regular expression with `g` remembers where it stopped.
    for (let round = 0; round < 2; round++)
      expect(Object.keys(inTrace(() => headers(url)))).toEqual(expected ? ['traceparent'] : []);
  });

  test('all, none, an empty list, the default', () => {
    expect(told('https://a.example', { propagateTo: 'all' })).toEqual(['traceparent']);
    expect(told('https://a.example', {})).toEqual(['traceparent']);
    expect(told('https://a.example', { propagateTo: 'none' })).toEqual([]);
    expect(told('https://a.example', { propagateTo: [] })).toEqual([]);
  });

  test('a function that throws is reported once', () => {
    const lines = listenToDiag();
    const boom = () => {
      throw new Error('no');
    };
    for (let round = 0; round < 3; round++) told('https://a.example', { propagateTo: [boom] });
    expect(lines.length).toBeLessThanOrEqual(1);
  });

  test('a propagator for each target, the first that matches', () => {
    const writes = (name: string): TextMapPropagator => ({
      fields: () => [name],
      extract: (from) => from,
      inject: (_, carrier, setter) => setter.set(carrier, name, '1'),
    });
    const options = {
      propagator: writes('x-rest'),
      propagateTo: [
        { to: 'https://b3.example', propagator: writes('x-b3') },
        { to: /example/, propagator: writes('x-other') },
        'https://plain.test',
      ],
    };
    expect(told('https://b3.example', options)).toEqual(['x-b3']);
    expect(told('https://more.example', options)).toEqual(['x-other']);
    expect(told('https://plain.test', options)).toEqual(['x-rest']);
    expect(told('https://nobody.test', options)).toEqual([]);
  });
});

describe('baggageTo', () => {
  test.each<[string, boolean]>([
    ['http://orders/', true],
    ['http://orders:8080/', true],
    ['http://orders./', true],
    ['http://localhost:3000/', true],
    ['http://app.localhost/', true],
    ['http://orders.internal/', true],
    ['http://orders.shop.svc/', true],
    ['http://orders.shop.svc.cluster.local/', true],
    ['http://printer.lan/', true],
    ['http://box.home.arpa/', true],
    ['http://a.test/', true],
    ['http://127.0.0.1/', true],
    ['http://127.255.0.1/', true],
    ['http://10.1.2.3/', true],
    ['http://192.168.1.1/', true],
    ['http://172.16.0.1/', true],
    ['http://172.31.255.255/', true],
    ['http://169.254.169.254/', true],
    ['http://[::1]/', true],
    ['http://[fd00::1]/', true],
    ['http://[fe80::1]/', true],
    ['http://2130706433/', true],
    ['http://0x7f.1/', true],
    ['https://api.example.com/', false],
    ['https://internal.example.com/', false],
    ['https://localhost.example.com/', false],
    ['https://evil-internal.com/', false],
    ['https://notlocal/', true],
    ['https://a.notlocal/', false],
    ['http://172.15.0.1/', false],
    ['http://172.32.0.1/', false],
    ['http://192.0.2.1/', false],
    ['http://8.8.8.8/', false],
    ['http://10.evil.test.example/', false],
    ['http://127.0.0.1.example/', false],
    ['http://[2001:db8::1]/', false],
    ['http://[fc::1]/', false],
  ])('private by default: %s: %s', (url, expected) => {
    expect(told(url, {})).toEqual(expected ? ['traceparent', 'baggage'] : ['traceparent']);
  });

  test('a list of its own, apart from the trace’s', () => {
    const options = {
      propagateTo: ['https://a.example', 'https://b.example'],
      baggageTo: ['https://a.example'],
    };
    expect(told('https://a.example', options)).toEqual(['traceparent', 'baggage']);
    expect(told('https://b.example', options)).toEqual(['traceparent']);
    expect(told('https://c.example', { ...options, baggageTo: 'all' })).toEqual([]);
    expect(told('http://localhost', { baggageTo: 'none' })).toEqual(['traceparent']);
  });
});

describe('baggageEntries', () => {
  const sent = (url: string | undefined, options: Parameters<typeof createTraceHeaders>[0]) =>
    inTrace(() => withBaggage({ tenant: 'acme' }, () => createTraceHeaders(options)(url).baggage));

  test('lets all entries out by default, and only the named ones when there is a list', () => {
    expect(sent('http://localhost', {})).toBe('user=7,tenant=acme');
    expect(sent('http://localhost', { baggageEntries: ['tenant', 'absent'] })).toBe('tenant=acme');
    expect(sent(undefined, { baggageEntries: ['tenant'] })).toBe('tenant=acme');
    expect(sent('http://localhost', { baggageEntries: [] })).toBeUndefined();
  });

  test('widens nothing that baggageTo keeps in', () => {
    expect(sent('https://api.example.com', { baggageEntries: ['tenant'] })).toBeUndefined();
  });
});

describe('traceHeaders', () => {
  test('a new object each time, with what is active', () => {
    const [first, second] = inTrace(() => [traceHeaders(), traceHeaders()]);
    expect(first).toEqual({ traceparent: TRACEPARENT, baggage: 'user=7' });
    expect(first).not.toBe(second);
    expect(traceHeaders()).toEqual({});
  });

  test.each(['/relative', '', 'nonsense', 'http://[broken', undefined, {} as never])(
    'takes %j without throwing',
    (url) => {
      inTrace(() => traceHeaders(url));
    },
  );

  test('tells nobody who cannot be told apart: an unreadable URL gets nothing', () => {
    expect(inTrace(() => traceHeaders('http://[broken'))).toEqual({});
  });

  test('takes a URL object', () => {
    expect(Object.keys(inTrace(() => traceHeaders(new URL('https://a.example'))))).toEqual(['traceparent']);
  });
});
