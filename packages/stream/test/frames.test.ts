import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { propagation, ROOT_CONTEXT, type TextMapPropagator, trace } from '@opentelemetry/api';
import { runInContext } from '@throughline/core';
import { createPropagator } from '@throughline/propagators';
import { frameContext, type ReceivedFrame, readContext, readFrames, writeFrames } from '@throughline/stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const TRACE_ID = TRACEPARENT.slice(3, 35);
const propagator = createPropagator('tracecontext,baggage');
const CALLER = contextOf({ traceparent: TRACEPARENT, tracestate: 'a=1', baggage: 'tenant=acme' });
const SENT = { context: CALLER, propagator };
const RECEIVED = { propagator };

function contextOf(fields: Record<string, string>) {
  return propagator.extract(ROOT_CONTEXT, fields, {
    get: (carrier, name) => carrier[name],
    keys: Object.keys,
  });
}

function framed(bytes: Uint8Array, options: Parameters<typeof readContext>[1] = RECEIVED) {
  const read = readContext(bytes, options);
  if (read.outcome !== 'framed') throw new Error(`expected a frame, got ${JSON.stringify(read)}`);
  return {
    ...read,
    traceId: trace.getSpanContext(read.context)?.traceId,
    baggage: propagation
      .getBaggage(read.context)
      ?.getAllEntries()
      .map(([name, { value }]) => [name, value]),
  };
}

/** A header as another language would build it. */
function header({
  fields = Buffer.alloc(0),
  data = '',
  version = 1,
  fieldsLength = fields.length,
  dataLength = Buffer.byteLength(data),
}: Partial<Record<'version' | 'fieldsLength' | 'dataLength', number>> & { fields?: Buffer; data?: string }) {
  const fixed = Buffer.from([0xf5, 0x54, 0x4c, version, 0, 0, 0, 0, 0, 0]);
  fixed.writeUInt16BE(fieldsLength, 4);
  fixed.writeUInt32BE(dataLength, 6);
  return Buffer.concat([fixed, fields, Buffer.from(data)]);
}

function field(id: number, value: string, length = value.length) {
  return Buffer.concat([Buffer.from([id, length >> 8, length & 255]), Buffer.from(value, 'latin1')]);
}

/** All frames that a reader makes of these pieces. */
async function readAll(pieces: readonly Uint8Array[], options: Parameters<typeof readFrames>[0] = RECEIVED) {
  const reader = readFrames(options);
  const frames: ReceivedFrame[] = [];
  reader.on('data', (frame) => frames.push(frame));
  for (const piece of pieces) reader.write(piece);
  reader.end();
  await once(reader, 'end');
  return frames;
}

/** `bytes`, cut at these places. */
function cut(bytes: Buffer, places: readonly number[]) {
  const sorted = [0, ...[...places].map((at) => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end));
}

const whole = (frames: readonly ReceivedFrame[]) =>
  Buffer.concat(frames.map(({ data }) => data)).toString('hex');

describe('a frame', () => {
  test('is laid out byte by byte as the README says', () => {
    const fields = Buffer.concat([field(1, TRACEPARENT), field(2, 'a=1'), field(3, 'tenant=acme')]);
    const expected = header({ fields, data: 'hello' });
    expect(frameContext('hello', SENT).toString('hex')).toBe(expected.toString('hex'));
  });

  test('brings trace, tracestate, baggage and data', () => {
    const read = framed(frameContext('hello', SENT));
    expect(read).toMatchObject({ traceId: TRACE_ID, baggage: [['tenant', 'acme']], extraction: 'continued' });
    expect(trace.getSpanContext(read.context)?.traceState?.serialize()).toBe('a=1');
    expect(read.data.toString()).toBe('hello');
  });

  test('without a context has ten bytes of header', () => {
    const frame = frameContext('hello', { context: ROOT_CONTEXT, propagator });
    expect(frame).toHaveLength(15);
    expect(framed(frame)).toMatchObject({ traceId: undefined, extraction: 'absent' });
  });

  test('carries W3C fields only', () => {
    const frame = frameContext('', {
      context: CALLER,
      propagator: createPropagator('b3,tracecontext,baggage'),
    });
    expect(frame.toString('hex')).toBe(frameContext('', SENT).toString('hex'));
  });

  test('keeps its header within 9 KB and leaves out whole members of baggage', () => {
    const members = Array.from({ length: 64 }, (_, i) => `key${i}=${'v'.repeat(119)}`);
    const states = Array.from({ length: 32 }, (_, i) => `k${i}=${'s'.repeat(90)}`).join(',');
    const context = contextOf({ traceparent: TRACEPARENT, tracestate: states, baggage: members.join(',') });
    const frame = frameContext('data', { context, propagator });
    expect(frame.length).toBeLessThanOrEqual(9216 + 4);
    const { baggage = [], traceId } = framed(frame);
    expect(traceId).toBe(TRACE_ID);
    expect(baggage.length).toBeGreaterThan(40);
    for (const [i, [name, value]] of baggage.entries()) expect(`${name}=${value}`).toBe(members[i]);
  });

  test('is sent without context when the propagator throws, and read without one', () => {
    const throwing: TextMapPropagator = {
      fields: () => ['traceparent'],
      inject() {
        throw new Error('inject');
      },
      extract() {
        throw new Error('extract');
      },
    };
    const frame = frameContext('hello', { context: CALLER, propagator: throwing });
    expect(frame).toHaveLength(15);
    const read = framed(frameContext('hello', SENT), { propagator: throwing });
    expect([read.data.toString(), read.traceId]).toEqual(['hello', undefined]);
  });
});

describe('a header from elsewhere', () => {
  test.each([
    ['a traceparent in a wrong form', [field(1, 'nonsense')], 'malformed'],
    ['two traceparents', [field(1, TRACEPARENT), field(1, TRACEPARENT.replace('b7', 'c7'))], 'duplicate'],
    ['a field longer than the header', [field(1, TRACEPARENT, 300)], 'malformed'],
    ['half a field', [field(1, TRACEPARENT), Buffer.from([3])], 'malformed'],
  ])('with %s starts a new trace and loses no data', (_, fields, extraction) => {
    const read = framed(header({ fields: Buffer.concat(fields), data: 'hello' }));
    expect([read.data.toString(), read.traceId, read.extraction]).toEqual(['hello', undefined, extraction]);
  });

  test('of a later version is read by the fields that are known', () => {
    const fields = Buffer.concat([field(9, 'later'), field(1, TRACEPARENT)]);
    expect(framed(header({ fields, data: 'hello', version: 2 }))).toMatchObject({ traceId: TRACE_ID });
  });

  test.each([
    ['version 0', header({ version: 0 })],
    ['more than 9 KB', header({ fieldsLength: 9207 })],
    ['more data than is read', header({ dataLength: 16 * 1024 * 1024 + 1 })],
  ])('with %s is refused: the bytes are the application’s', async (_, bytes) => {
    expect(readContext(bytes, RECEIVED)).toEqual({ outcome: 'plain' });
    const frames = await readAll([bytes, Buffer.from('more')]);
    expect(whole(frames)).toBe(Buffer.concat([bytes, Buffer.from('more')]).toString('hex'));
    expect(frames.map(({ framed }) => framed)).toEqual([false, false]);
  });

  test('is trusted as the option says', () => {
    const frame = frameContext('hello', SENT);
    const read = framed(frame, { propagator, trust: 'restart' });
    expect(read).toMatchObject({ traceId: undefined, baggage: undefined, extraction: 'untrusted' });
    const kept = framed(frame, { propagator, trust: { parent: 'ignore', baggage: ['tenant'] } });
    expect(kept).toMatchObject({ traceId: undefined, baggage: [['tenant', 'acme']] });
  });
});

describe('a stream', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 });
  const places = fc.array(fc.nat(), { maxLength: 12 });

  test('keeps frames, data and contexts apart, split in any way', async () => {
    await fc.assert(
      fc.asyncProperty(messages, places, async (sent, at) => {
        const bytes = Buffer.concat(
          sent.map((data, i) => frameContext(data, { propagator, context: i % 2 ? CALLER : ROOT_CONTEXT })),
        );
        const frames = await readAll(cut(bytes, at));
        expect(frames.map(({ data }) => data.toString('hex'))).toEqual(
          sent.map((data) => Buffer.from(data).toString('hex')),
        );
        for (const [i, { framed, context }] of frames.entries())
          expect([framed, trace.getSpanContext(context)?.traceId]).toEqual([
            true,
            i % 2 ? TRACE_ID : undefined,
          ]);
      }),
    );
  });

  test('is read when it is split at each single byte, and when it arrives byte by byte', async () => {
    const bytes = Buffer.concat([
      frameContext('first', SENT),
      frameContext('', SENT),
      frameContext('third', SENT),
    ]);
    const splits = Array.from({ length: bytes.length }, (_, at) => cut(bytes, [at]));
    for (const pieces of [...splits, [...bytes].map((byte) => Buffer.from([byte]))]) {
      const frames = await readAll(pieces);
      expect(frames.map(({ data }) => data.toString())).toEqual(['first', '', 'third']);
      for (const { context } of frames) expect(trace.getSpanContext(context)?.traceId).toBe(TRACE_ID);
    }
  });

  test('of garbage passes through byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), places, async (garbage, at) => {
        const bytes = Buffer.from(garbage);
        // A frame by chance is one in 2^32.
        const frames = await readAll(cut(bytes, at));
        expect(whole(frames)).toBe(bytes.toString('hex'));
        for (const { framed } of frames) expect(framed).toBe(false);
      }),
    );
  });

  test('of frames in which any byte was changed is delivered whole, and never throws', async () => {
    const frame = frameContext('hello', SENT);
    await fc.assert(
      fc.asyncProperty(fc.nat(frame.length - 1), fc.nat(255), async (at, byte) => {
        const bytes = Buffer.concat([frame, frame]);
        bytes[at] = byte;
        let rest = bytes;
        for (const { framed, data } of await readAll([bytes])) {
          // A frame is its header and its data; what is unframed is all that is left.
          const read = readContext(rest, RECEIVED);
          expect(framed).toBe(read.outcome === 'framed');
          const length = read.outcome === 'framed' ? read.length : rest.length;
          expect(data.toString('hex')).toBe(rest.subarray(length - data.length, length).toString('hex'));
          if (!framed) expect(data.length).toBe(rest.length);
          rest = rest.subarray(length);
        }
        expect(rest).toHaveLength(0);
      }),
      { numRuns: 1000 },
    );
  });

  test('of plain text passes through in the pieces in which it arrived', async () => {
    const pieces = ['PING\r\n', 'PONG\r\n'].map((text) => Buffer.from(text));
    const frames = await readAll(pieces);
    expect(frames.map(({ data, framed }) => [data.toString(), framed])).toEqual([
      ['PING\r\n', false],
      ['PONG\r\n', false],
    ]);
  });

  test('that ends within a frame gives up the bytes that it has', async () => {
    const bytes = frameContext('hello', SENT).subarray(0, -2);
    const frames = await readAll([bytes]);
    expect(whole(frames)).toBe(bytes.toString('hex'));
  });

  test('holds back no more than one frame of the permitted length', async () => {
    const frames = await readAll([header({ dataLength: 11 }), Buffer.from('0123456789')], {
      maxDataLength: 10,
    });
    expect(frames.map(({ framed }) => framed)).toEqual([false, false]);
  });
});

describe('what is written', () => {
  test('has the context that was active at the write, also where the stream passes it on later', async () => {
    const writer = writeFrames({ propagator });
    const other = contextOf({ traceparent: TRACEPARENT.replace('0af7', '1bf7') });
    // Longer than the buffer of the stream, so that later chunks wait for a reader.
    const long = 'x'.repeat(100_000);
    runInContext(CALLER, () => {
      writer.write(long);
      writer.write(Buffer.from('second'));
    });
    runInContext(other, () => writer.end('third', 'utf8'));
    const frames: ReceivedFrame[] = [];
    for await (const frame of writer.pipe(readFrames(RECEIVED))) frames.push(frame);
    expect(frames.map(({ data }) => data.toString())).toEqual([long, 'second', 'third']);
    expect(frames.map(({ context }) => trace.getSpanContext(context)?.traceId)).toEqual([
      TRACE_ID,
      TRACE_ID,
      TRACE_ID.replace('0af7', '1bf7'),
    ]);
  });

  test('calls the callbacks of write and end, and refuses what is no data like any stream', async () => {
    const called: string[] = [];
    const writer = writeFrames();
    const texts: string[] = [];
    writer.pipe(readFrames()).on('data', ({ data }: ReceivedFrame) => texts.push(data.toString()));
    writer.write('a', () => called.push('write'));
    writer.write('Yg==', 'base64', () => called.push('encoded'));
    expect(() => writer.write({} as never)).toThrow(TypeError);
    await new Promise<void>((ended) => writer.end('c', ended));
    expect(texts).toEqual(['a', 'b', 'c']);
    expect(called).toEqual(['write', 'encoded']);
    for (const end of [
      (stream: typeof writer, done: () => void) => stream.end(done),
      (stream: typeof writer, done: () => void) => stream.end('c', 'utf8', done),
    ])
      await new Promise<void>((done) => end(writeFrames().resume(), done));
  });
});

test('mistakes in the options are named', () => {
  expect(() => readFrames({ trust: 'yes' as never })).toThrow(
    "[throughline/stream] readFrames(): options.trust must be 'continue', 'restart', 'ignore' or a trust decision, got string 'yes'",
  );
  expect(() => readFrames({ maxDataLength: -1 })).toThrow('options.maxDataLength must be a number of bytes');
  expect(() => writeFrames({ propagator: {} as never })).toThrow(TypeError);
  expect(() => writeFrames({ prefix: true } as never)).toThrow('options.prefix does not exist');
});
