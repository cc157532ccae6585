import { TraceFlags } from '@opentelemetry/api';
import { isHexId, printTraceparent, readTraceparent } from '@throughline/carrier';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';

/** The form in one regular expression, slower than what is tested. */
const FORM =
  /^(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[^,]{0,200})?$/;

const digits = (length: number) =>
  fc.oneof(
    {
      weight: 20,
      arbitrary: fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length }),
    },
    { weight: 1, arbitrary: fc.constant(Array<string>(length).fill('0')) },
  );
const legal = fc
  .tuple(
    fc.constantFrom('00', '00', '01', 'cc', 'fe', 'ff'),
    digits(32),
    digits(16),
    digits(2),
    fc.constantFrom('', '', '', '-x', '-', '-a,b', 'x'),
  )
  .map(([version, trace, span, flags, rest]) => {
    return `${version}-${trace.join('')}-${span.join('')}-${flags.join('')}${rest}`;
  });
/** A character put in place of another: digits, what stands beside them in ASCII, and what is longer than a byte. */
const damaged = fc
  .tuple(legal, fc.nat(60), fc.constantFrom(...'0/:`gGF-_, \0é→', '\ud800', '😀', ''))
  .map(([text, at, character]) => text.slice(0, at) + character + text.slice(at + 1));

describe('the form of a traceparent', () => {
  it('is what the regular expression says, after any other text', () => {
    const texts = fc.oneof(legal, damaged, fc.string({ maxLength: 80 }));
    fc.assert(
      fc.property(texts, (text) => {
        const trimmed = text.replace(/^[ \t]+|[ \t]+$/g, '');
        expect(readTraceparent(text) !== undefined, JSON.stringify(text)).toBe(FORM.test(trimmed));
      }),
      { numRuns: 20_000 },
    );
  });

  it('is read into what it was printed from', () => {
    fc.assert(
      fc.property(digits(32), digits(16), fc.nat(3), (trace, span, traceFlags) => {
        const spanContext = { traceId: trace.join(''), spanId: span.join(''), traceFlags };
        fc.pre(isHexId(spanContext.traceId, 32) && isHexId(spanContext.spanId, 16));
        expect(readTraceparent(printTraceparent(spanContext))).toEqual({ ...spanContext, isRemote: true });
      }),
    );
  });

  it('has two flags, in and out', () => {
    expect(readTraceparent(`00-${TRACE_ID}-${SPAN_ID}-ff`)?.traceFlags).toBe(3);
    const spanContext = { traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 0xfc | TraceFlags.SAMPLED };
    expect(printTraceparent(spanContext)).toBe(`00-${TRACE_ID}-${SPAN_ID}-01`);
  });
});

describe('an id', () => {
  it.each([
    [SPAN_ID, 16, true],
    [TRACE_ID, 32, true],
    [TRACE_ID, 16, false],
    [SPAN_ID.toUpperCase(), 16, false],
    ['0'.repeat(16), 16, false],
    [`${'0'.repeat(15)}1`, 16, true],
    [`${SPAN_ID.slice(1)}é`, 16, false],
    ['', 16, false],
  ] as const)('%s of %i digits: %s', (text, length, expected) => {
    // What an earlier text left in the buffer does not count.
    isHexId(TRACE_ID, 32);
    expect(isHexId(text, length)).toBe(expected);
  });
});
