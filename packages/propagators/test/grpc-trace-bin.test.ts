import { INVALID_SPAN_CONTEXT, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { GrpcTraceBinPropagator } from '@throughline/propagators';
import { expect, it, test } from 'vitest';

const T = '0af7651916cd43dd8448eb211c80319c';
const S = 'b7ad6b7169203331';
const propagator = new GrpcTraceBinPropagator();
const hex = (...parts: string[]) => Buffer.from(parts.join(''), 'hex');
const FULL = hex('00', '00', T, '01', S, '02', '01');
const sampled = { traceId: T, spanId: S, traceFlags: 1, isRemote: true };

test.each<[string, unknown, object | undefined]>([
  ['a Buffer', FULL, sampled],
  ['a plain Uint8Array', new Uint8Array(FULL), sampled],
  ['an array, as gRPC metadata gives', [FULL], sampled],
  ['the first of several', [FULL, hex('00')], sampled],
  ['base64', FULL.toString('base64'), sampled],
  ['first of joined values', `${FULL.toString('base64')}, AAA`, sampled],
  ['first of several values', [FULL, Buffer.from([0])], sampled],
  ['base64 without padding', FULL.toString('base64').replace(/=/g, ''), sampled],
  ['base64 of the URL alphabet', FULL.toString('base64url'), sampled],
  ['one character per byte', FULL.toString('latin1'), sampled],
  ['not sampled', hex('00', '00', T, '01', S, '02', '00'), { ...sampled, traceFlags: 0 }],
  ['options missing', hex('00', '00', T, '01', S), { ...sampled, traceFlags: 0 }],
  ['unknown option bits', hex('00', '00', T, '01', S, '02', 'ff'), sampled],
  ['an unknown field ends reading', hex('00', '00', T, '01', S, '02', '01', '07', 'ff', '00'), sampled],
  ['any order', hex('00', '02', '01', '01', S, '00', T), sampled],
  ['version 1', hex('01', '00', T, '01', S), undefined],
  ['no span id', hex('00', '00', T), undefined],
  ['no trace id', hex('00', '01', S), undefined],
  ['unknown field first', hex('00', '05', '00', T, '01', S), undefined],
  ['cut short', FULL.subarray(0, 20), undefined],
  ['zero trace id', hex('00', '00', '0'.repeat(32), '01', S), undefined],
  ['zero span id', hex('00', '00', T, '01', '0'.repeat(16)), undefined],
  ['not base64', '!!!!', undefined],
  ['a megabyte', 'A'.repeat(1_000_000), undefined],
  ['megabytes of bytes', new Uint8Array(10_000_000), undefined],
  ['empty', '', undefined],
  ['empty bytes', new Uint8Array(0), undefined],
])('in: %s', (_, value, expected) => {
  const context = propagator.extract(ROOT_CONTEXT, { 'grpc-trace-bin': value });
  expect(trace.getSpanContext(context)).toEqual(expected);
  if (expected === undefined) expect(context).toBe(ROOT_CONTEXT);
});

const context = trace.setSpanContext(ROOT_CONTEXT, { traceId: T, spanId: S, traceFlags: 3 });

it('writes 29 bytes that are a Buffer, because gRPC takes nothing else', () => {
  const carrier: Record<string, unknown> = {};
  propagator.inject(context, carrier);
  expect(Buffer.isBuffer(carrier['grpc-trace-bin'])).toBe(true);
  expect(carrier['grpc-trace-bin']).toEqual(FULL);
});

it('writes base64 where only text goes: Headers, HTTP messages, and by option', () => {
  const headers = new Headers();
  propagator.inject(context, headers);
  expect(headers.get('grpc-trace-bin')).toBe(FULL.toString('base64'));
  const message: Record<string, unknown> = {};
  propagator.inject(context, {
    setHeader: (key: string, value: unknown) => {
      message[key] = value;
    },
  });
  expect(message['grpc-trace-bin']).toBe(FULL.toString('base64'));
  const plain = {};
  new GrpcTraceBinPropagator({ encoding: 'base64' }).inject(context, plain);
  expect(plain).toEqual({ 'grpc-trace-bin': FULL.toString('base64') });
});

test.each([
  ['suppressed', suppressTracing(context)],
  ['invalid', trace.setSpanContext(ROOT_CONTEXT, INVALID_SPAN_CONTEXT)],
])('writes nothing when %s', (_, silent) => {
  const carrier = {};
  propagator.inject(silent, carrier);
  expect(carrier).toEqual({});
});

test('names exactly the field it may write, and set-up mistakes throw', () => {
  expect(propagator.fields()).toEqual(['grpc-trace-bin']);
  expect(() => new GrpcTraceBinPropagator({ encoding: 'hex' as 'bytes' })).toThrow(
    "[throughline/propagators] GrpcTraceBinPropagator: options.encoding must be 'bytes' or 'base64', got hex",
  );
});
