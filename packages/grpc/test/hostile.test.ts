import type { RpcHandler } from '@throughline/testing';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startRecording, stopRecording } from '../../../test/conformance/recording.ts';
import { connectBy } from './connect-echo.ts';
import { connectGrpc } from './grpc-js-echo.ts';

let spans: ReturnType<typeof startRecording>;
beforeEach(() => {
  spans = startRecording();
});
afterEach(() => {
  spans.reset();
  stopRecording(spans);
});

const VALID: Readonly<Record<string, string>> = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'vendor=1,other=2',
  baggage: 'tenant=blue;p=1,user=7',
};

/** Any character that a metadata value may hold. */
const legal = fc
  .array(fc.integer({ min: 0x20, max: 0x7e }), { maxLength: 60 })
  .map((codes) => String.fromCharCode(...codes).trim() || '-');

/** A valid value with a piece cut out and another put in. */
const mutated = (value: string) =>
  fc
    .tuple(fc.nat(value.length), fc.nat(8), legal)
    .map(([at, cut, piece]) => value.slice(0, at) + piece + value.slice(at + cut));

const field = (name: string) => {
  const value = VALID[name] ?? '';
  return fc.oneof(
    fc.constant(undefined),
    fc.constant(value),
    mutated(value),
    legal,
    fc.array(fc.oneof(fc.constant(value), mutated(value)), { minLength: 2, maxLength: 4 }),
    fc.integer({ min: 100, max: 2_000 }).map((length) => 'x'.repeat(length)),
  );
};

const metadataSets = fc
  .record({ traceparent: field('traceparent'), tracestate: field('tracestate'), baggage: field('baggage') })
  .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));

const COUNT = 1_000;
const AT_ONCE = 50;

const handler: RpcHandler = async function* ({ messages }) {
  for await (const message of messages) yield `${message}!`;
};

describe.each([
  ['@grpc/grpc-js', connectGrpc],
  ['@connectrpc/connect', connectBy('grpc', '2')],
] as const)('%s', (_, connect) => {
  test(`answers ${COUNT} calls with mutated metadata as it would without them`, async () => {
    const rpc = await connect({ server: {}, client: false, handler });
    const sets = fc.sample(metadataSets, { numRuns: COUNT, seed: 7 });
    for (let i = 0; i < COUNT; i += AT_ONCE) {
      const some = sets.slice(i, i + AT_ONCE);
      const answers = await Promise.all(
        some.map((metadata, n) =>
          rpc.call({ kind: 'unary', messages: [`${n}`], metadata: metadata as never }),
        ),
      );
      expect(answers).toEqual(some.map((__, n) => ({ messages: [`${n}!`], status: 'OK' })));
    }
    const served = await spans.takeMany(COUNT);
    expect(new Set(served.map(({ attributes }) => attributes['rpc.status_code']))).toHaveLength(1);
    await rpc.close?.();
  });
});
