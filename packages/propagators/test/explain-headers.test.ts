import { ROOT_CONTEXT } from '@opentelemetry/api';
import { carrierGetter, createPropagator, explainHeaders } from '@throughline/propagators';
import fc from 'fast-check';
import { expect, it, test } from 'vitest';

const T = '0af7651916cd43dd8448eb211c80319c';
const S = 'b7ad6b7169203331';
const OK = `00-${T}-${S}-01`;

function reasonOf(format: string, headers: unknown): string {
  const found = explainHeaders(headers).formats.find((one) => one.format === format);
  return `${found?.accepted ? 'yes' : 'no'}: ${found?.reason}`;
}

test.each<[string, unknown, string]>([
  ['tracecontext', {}, 'no: no traceparent or tracestate header'],
  ['tracecontext', { traceparent: OK }, 'yes: continues the trace, sampled by the caller'],
  ['tracecontext', { traceparent: `00-${T}-${S}-00` }, 'yes: continues the trace, not sampled by the caller'],
  [
    'tracecontext',
    { traceparent: OK, tracestate: 'a=1,B=2' },
    'yes: continues the trace, sampled by the caller; tracestate discarded: member 2 is not key=value with a lower-case key, so the whole list is discarded',
  ],
  [
    'tracecontext',
    { traceparent: OK, tracestate: Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(',') },
    'yes: continues the trace, sampled by the caller; tracestate discarded: more than 32 members',
  ],
  [
    'tracecontext',
    { traceparent: OK, tracestate: ','.repeat(9000) },
    'yes: continues the trace, sampled by the caller; tracestate discarded: longer than 8192 characters',
  ],
  [
    'tracecontext',
    { traceparent: OK, tracestate: Array(200).fill('') },
    'yes: continues the trace, sampled by the caller; tracestate discarded: too many lines',
  ],
  ['tracecontext', { tracestate: 'a=1' }, 'no: refused: tracestate without a traceparent means nothing'],
  [
    'tracecontext',
    { traceparent: [OK, OK] },
    'no: refused: 2 traceparent headers; one is allowed, and which to believe is not known',
  ],
  [
    'tracecontext',
    { traceparent: `${OK}, ${OK}` },
    'no: refused: two traceparent headers joined by a comma; one is allowed',
  ],
  [
    'tracecontext',
    { traceparent: OK.toUpperCase() },
    'no: refused: upper-case letters; only lower-case hexadecimal is allowed',
  ],
  ['tracecontext', { traceparent: ' '.repeat(300) }, 'no: refused: longer than 256 characters'],
  ['tracecontext', { traceparent: '' }, 'no: refused: the header is empty'],
  [
    'tracecontext',
    { traceparent: `0-${T}-${S}-01` },
    'no: refused: the version must be 2 hexadecimal digits',
  ],
  ['tracecontext', { traceparent: `ff-${T}-${S}-01` }, 'no: refused: version ff is not allowed'],
  [
    'tracecontext',
    { traceparent: `00-${T.slice(1)}-${S}-01` },
    'no: refused: the trace id has 31 characters instead of 32',
  ],
  [
    'tracecontext',
    { traceparent: `00-x${T.slice(1)}-${S}-01` },
    'no: refused: the trace id is not lower-case hexadecimal',
  ],
  ['tracecontext', { traceparent: `00-${'0'.repeat(32)}-${S}-01` }, 'no: refused: the trace id is all zeros'],
  [
    'tracecontext',
    { traceparent: `00-${T}-${'0'.repeat(16)}-01` },
    'no: refused: the parent id is all zeros',
  ],
  ['tracecontext', { traceparent: `00-${T}-${S}-1` }, 'no: refused: the flags must be 2 hexadecimal digits'],
  [
    'tracecontext',
    { traceparent: `${OK}-x` },
    'no: refused: version 00 ends after the flags, but something follows',
  ],
  ['baggage', { baggage: 'a=1,b=2' }, 'yes: 2 members read'],
  [
    'baggage',
    { baggage: 'a=1,b c=2' },
    'yes: 1 member read, 1 left out as malformed or over the limits (64 members, 8192 bytes)',
  ],
  [
    'baggage',
    { baggage: `a=1,${','.repeat(20_000)}` },
    'yes: 1 member read, some left out as malformed or over the limits (64 members, 8192 bytes)',
  ],
  ['baggage', { baggage: 'é' }, 'no: refused: no member of the form key=value with a token as key'],
  ['b3', { b3: `${T}-${S}` }, 'yes: continues the trace, the sampling decision is left to this service'],
  ['b3', { b3: `${T}-${S}-d` }, 'yes: continues the trace, to be recorded in any case (debug)'],
  ['b3', { b3: '0' }, 'yes: names no trace but says do not record: honoured'],
  ['b3', { b3: '1' }, 'no: names no trace, so there is nothing to continue'],
  [
    'b3',
    { b3: 'junk' },
    'no: refused: not traceid-spanid[-state[-parentid]] with 16 or 32 and 16 hexadecimal digits and state 0, 1 or d',
  ],
  [
    'b3multi',
    { 'X-B3-TraceId': T, 'X-B3-SpanId': S },
    'yes: continues the trace, the sampling decision is left to this service',
  ],
  ['b3multi', { 'X-B3-TraceId': T }, 'no: refused: x-b3-spanid is missing'],
  ['b3multi', { 'X-B3-SpanId': S }, 'no: refused: x-b3-traceid is missing'],
  [
    'b3multi',
    { 'X-B3-TraceId': 'q', 'X-B3-SpanId': S },
    'no: refused: the ids must be 16 or 32 and 16 hexadecimal digits, not all zeros, and sampled 0, 1, true or false',
  ],
  [
    'jaeger',
    { 'uber-trace-id': `${T}:${S}:0:3` },
    'yes: continues the trace, to be recorded in any case (debug)',
  ],
  [
    'jaeger',
    { 'uber-trace-id': 'zzz' },
    'no: refused: not trace:span:parent:flags in hexadecimal with ids that are not zero',
  ],
  ['jaeger', { 'Uberctx-a': '1' }, 'yes: baggage only; no uber-trace-id header'],
  [
    'xray',
    { 'x-amzn-trace-id': 'Root=1' },
    'no: refused: not Root=1-8hex-24hex, with Parent=16hex and Sampled=0, 1 or ? when they are there',
  ],
  [
    'xray',
    { 'x-amzn-trace-id': `Root=1-${T.slice(0, 8)}-${T.slice(8)}` },
    'yes: names a trace and no parent: its root is here, the sampling decision is left to this service',
  ],
  [
    'grpc-trace-bin',
    { 'grpc-trace-bin': 'AAA' },
    'no: refused: not version 0 with a trace id and a span id, as bytes or base64',
  ],
])('%s %o', (format, headers, expected) => {
  expect(reasonOf(format, headers)).toBe(expected);
});

const MEMBER = '=v'.padEnd(8193, 'v');
test.each<[string, Record<string, string>, string]>([
  [
    'baggage',
    { baggage: `k${MEMBER}` },
    'no: refused: a member is longer than 8192 bytes, and only whole ones are read',
  ],
  [
    'baggage',
    { baggage: `k${MEMBER}${MEMBER}${MEMBER}` },
    'no: refused: a member is longer than 8192 bytes, and only whole ones are read',
  ],
  ['baggage', { baggage: ' , ' }, 'no: refused: the header is empty'],
  ['baggage', { baggage: 'a b=1,c' }, 'no: refused: no member of the form key=value with a token as key'],
  [
    'baggage',
    { baggage: 'a b=1,'.repeat(5000) },
    'no: refused: within the first 16384 characters, no member of the form key=value with a token as key',
  ],
  ['jaeger', { 'uber-trace-id': `${T}:`.repeat(20) }, 'no: refused: longer than 256 characters'],
  [
    'jaeger',
    { 'uber-trace-id': 'zzz', 'uberctx-a': '1' },
    'yes: baggage only; refused: not trace:span:parent:flags in hexadecimal with ids that are not zero',
  ],
  [
    'jaeger',
    { 'uberctx-é': '1' },
    'no: refused: no uber-trace-id header, and no baggage of at most 8192 bytes with a token as key',
  ],
  [
    'jaeger',
    { 'jaeger-baggage': `a${MEMBER}` },
    'no: refused: no uber-trace-id header, and no baggage of at most 8192 bytes with a token as key',
  ],
  ['xray', { 'x-amzn-trace-id': 'Root=1;'.repeat(200) }, 'no: refused: longer than 1024 characters'],
  ['grpc-trace-bin', { 'grpc-trace-bin': 'AAAA'.repeat(100) }, 'no: refused: longer than 256 characters'],
])('the right reason: %s %o', (format, headers, expected) => {
  expect(reasonOf(format, headers)).toBe(expected);
  // What is accepted is what an extraction would find.
  const changed = createPropagator(format).extract(ROOT_CONTEXT, headers, carrierGetter) !== ROOT_CONTEXT;
  expect(expected.startsWith('yes')).toBe(changed);
});

it('looks at a bounded part of a carrier with very many fields', () => {
  const fields = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`uberctx-k${i}`, 'v']));
  const listings = (count: number) => {
    let seen = 0;
    const carrier = new Proxy(
      { ...fields(count), Traceparent: OK },
      {
        ownKeys(target) {
          seen++;
          return Reflect.ownKeys(target);
        },
      },
    );
    const report = explainHeaders(carrier);
    expect(report.verdict).toBe(`trace ${T} is continued from tracecontext`);
    expect(report.formats.find(({ format }) => format === 'jaeger')?.found).toHaveLength(8);
    return seen;
  };
  // Its names are listed a few times, not once for each field.
  expect(listings(21_000)).toBeLessThan(8);
  const propagator = createPropagator('jaeger');
  let reads = 0;
  const counting = new Proxy(fields(21_000), {
    get(target, name) {
      if (String(name).startsWith('uberctx-')) reads++;
      return Reflect.get(target, name);
    },
  });
  propagator.extract(ROOT_CONTEXT, counting, carrierGetter);
  expect(reads).toBeLessThanOrEqual(128);
});

test.each<[string, unknown, string]>([
  ['nothing', {}, 'a new trace starts: no header names one'],
  ['one', { traceparent: OK }, `trace ${T} is continued from tracecontext`],
  [
    'a bad one',
    { traceparent: [OK, OK] },
    'a new trace starts: tracecontext refused: 2 traceparent headers; one is allowed, and which to believe is not known',
  ],
  [
    'a bad one beside a good one',
    { traceparent: OK, b3: 'junk' },
    `trace ${T} is continued from tracecontext; b3 refused: not traceid-spanid[-state[-parentid]] with 16 or 32 and 16 hexadecimal digits and state 0, 1 or d`,
  ],
  [
    'two',
    { traceparent: OK, b3: `1${T.slice(1)}-${S}-1` },
    `trace ${T} is continued from tracecontext; b3 names another trace, so the order of formats decides`,
  ],
])('verdict for %s', (_, headers, expected) => {
  expect(explainHeaders(headers).verdict).toBe(expected);
});

it('shows at most 64 characters of a value, and no control characters', () => {
  const { formats } = explainHeaders({
    traceparent: '\r\n\u00e9\u4e2d'.repeat(1000),
    baggage: 'v'.repeat(65),
    b3: 'x',
  });
  expect(formats[0]?.found[0]?.value).toBe(
    `${'\\x0d\\x0a\\xe9\\u4e2d'.repeat(3)}\\x0d\\x0a… (4000 characters)`,
  );
  expect(formats[1]?.found[0]?.value).toBe(`${'v'.repeat(64)}… (65 characters)`);
  expect(formats[2]?.found).toEqual([{ name: 'b3', value: 'x' }]);
});

it('agrees with the propagators and never throws', () => {
  const any = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(OK, `${T}-${S}`, 'a=1', '0'),
    fc.anything(),
  );
  const names = ['tracecontext', 'baggage', 'b3', 'jaeger', 'xray', 'grpc-trace-bin'] as const;
  const fields = ['traceparent', 'baggage', 'b3', 'uber-trace-id', 'x-amzn-trace-id', 'grpc-trace-bin'];
  fc.assert(
    fc.property(fc.tuple(any, any, any, any, any, any), (values) => {
      const headers = Object.fromEntries(fields.map((field, i) => [field, values[i]]));
      const { formats } = explainHeaders(headers);
      for (const name of names) {
        const changed = createPropagator(name).extract(ROOT_CONTEXT, headers) !== ROOT_CONTEXT;
        expect(formats.find(({ format }) => format === name)?.accepted).toBe(changed);
      }
    }),
  );
  for (const hostile of [
    null,
    undefined,
    5,
    new Proxy(
      {},
      {
        get() {
          throw new Error('no');
        },
      },
    ),
  ]) {
    expect(explainHeaders(hostile).verdict).toBe('a new trace starts: no header names one');
  }
});
