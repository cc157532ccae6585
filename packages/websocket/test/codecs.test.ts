import { envelopeCodec, jsonCodec, urlWithContext } from '@throughline/websocket';
import { graphqlCodec } from '@throughline/websocket/graphql-ws';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const fields = fc.dictionary(fc.string(), fc.string());
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc.string().map((inside) => `{${inside}`),
  fc.string().map((rest) => `{"$trace":{${rest}`),
  fc.string().map((rest) => `\u0001trace${rest}`),
);

describe.each([
  ['jsonCodec', jsonCodec],
  ['envelopeCodec', envelopeCodec],
])('%s', (_, codec) => {
  it('gives back any text that was sealed, character for character', () => {
    fc.assert(
      fc.property(text, fc.option(fields, { nil: undefined }), (data, given) => {
        expect(codec.open(codec.seal(data, given))?.data).toBe(data);
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives back any bytes that were sealed, byte for byte', () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      text.map((data) => new TextEncoder().encode(data)),
    );
    fc.assert(
      fc.property(bytes, fc.option(fields, { nil: undefined }), (data, given) => {
        expect(Array.from(codec.open(codec.seal(data, given))?.data ?? [])).toEqual(Array.from(data));
      }),
      { numRuns: 1_000 },
    );
  });

  it('adds nothing without fields, unless the content looks like a message with a context', () => {
    expect(codec.seal('{"a":1}', undefined)).toBe('{"a":1}');
    expect(codec.seal('hello', undefined)).toBe('hello');
  });

  it('throws for no text and no bytes', () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.uint8Array()), (data) => {
        codec.open(data);
        graphqlCodec.open(data);
        graphqlCodec.seal(data, { traceparent: 'a' });
      }),
    );
  });
});

describe('jsonCodec', () => {
  it('reads the member wherever a peer has put it, and leaves it there', () => {
    const message = '{ "type": "order", "$trace": { "traceparent": "x" } }';
    expect(jsonCodec.open(message)).toEqual({ data: message, fields: { traceparent: 'x' } });
  });

  it('writes an object that JSON.parse reads', () => {
    for (const body of ['{}', '{ }', '{"a":1}', '{\n"a":{}}'])
      expect(JSON.parse(jsonCodec.seal(body, { a: 'b' }))).toEqual({
        $trace: { a: 'b' },
        ...JSON.parse(body),
      });
  });

  it('leaves texts alone that are no objects', () => {
    expect(jsonCodec.seal('[1]', { a: 'b' })).toBe('[1]');
    expect(jsonCodec.seal('{', undefined)).toBe('{');
  });
});

describe('envelopeCodec', () => {
  it('is skipped by a receiver that drops everything up to the first line feed', () => {
    const sealed = envelopeCodec.seal('line 1\nline 2', { traceparent: 'a\nb' });
    expect(sealed.slice(sealed.indexOf('\n') + 1)).toBe('line 1\nline 2');
  });
});

describe('urlWithContext', () => {
  it('writes the trace and nothing else into a URL', () => {
    const url = urlWithContext('wss://example.com/chat?room=1', {
      traceparent: '00-a-b-01',
      tracestate: 'v=1',
      baggage: 'user=7',
      other: 'x',
    });
    expect(url).toBe('wss://example.com/chat?room=1&traceparent=00-a-b-01&tracestate=v%3D1');
  });
});
