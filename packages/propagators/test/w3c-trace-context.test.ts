import {
  defaultTextMapGetter,
  defaultTextMapSetter,
  INVALID_SPAN_CONTEXT,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  type TextMapGetter,
  type TraceState,
  trace,
} from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { AlwaysOnSampler, ParentBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import { parseTraceState, W3CTraceContextPropagator } from '@throughline/propagators';
import { describe, expect, it, test } from 'vitest';

const T = '0af7651916cd43dd8448eb211c80319c';
const S = 'b7ad6b7169203331';
const OK = `00-${T}-${S}-01`;
const propagator = new W3CTraceContextPropagator();

function extract(carrier: unknown, getter: TextMapGetter = defaultTextMapGetter): SpanContext | undefined {
  return trace.getSpanContext(propagator.extract(ROOT_CONTEXT, carrier, getter));
}

/** What goes out when this comes in and nothing but the propagator is between. */
function through(carrier: Record<string, unknown>): Record<string, string> {
  const out: Record<string, string> = {};
  propagator.inject(propagator.extract(ROOT_CONTEXT, carrier), out);
  return out;
}

function stateThrough(tracestate: unknown): string | undefined {
  return through({ traceparent: OK, tracestate }).tracestate;
}

it('keeps the baggage of the context it extracts into, and lets go of it when told', () => {
  const baggage = propagation.createBaggage({ tenant: { value: 'acme' } });
  const context = propagator.extract(propagation.setBaggage(ROOT_CONTEXT, baggage), { traceparent: OK });
  expect(propagation.getBaggage(context)).toBe(baggage);
  expect(propagation.getBaggage(trace.setSpan(context, trace.wrapSpanContext(INVALID_SPAN_CONTEXT)))).toBe(
    baggage,
  );
  expect(propagation.getBaggage(propagation.deleteBaggage(context))).toBeUndefined();
});

it('does not take a header for the longer one before it', () => {
  extract({ traceparent: OK });
  expect(extract({ traceparent: `${OK.slice(0, -1)}    ` })).toBeUndefined();
});

describe('traceparent in', () => {
  test.each([
    ['T1 any letter case of the name', { TraceParent: OK }, OK],
    ['T2 valid', { traceparent: OK }, OK],
    ['T2 upper-case hex', { traceparent: OK.toUpperCase() }, undefined],
    ['T2 upper-case trace id', { traceparent: `00-${T.toUpperCase()}-${S}-01` }, undefined],
    ['T2 version ff', { traceparent: `ff-${T}-${S}-01` }, undefined],
    ['T2 zero trace id', { traceparent: `00-${'0'.repeat(32)}-${S}-01` }, undefined],
    ['T2 zero parent id', { traceparent: `00-${T}-${'0'.repeat(16)}-01` }, undefined],
    ['T2 trace id too short', { traceparent: `00-${T.slice(1)}-${S}-01` }, undefined],
    ['T2 trace id too long', { traceparent: `00-1${T}-${S}-01` }, undefined],
    ['T2 parent id too short', { traceparent: `00-${T}-${S.slice(1)}-01` }, undefined],
    ['T2 parent id too long', { traceparent: `00-${T}-1${S}-01` }, undefined],
    ['T2 not hex in trace id', { traceparent: `00-g${T.slice(1)}-${S}-01` }, undefined],
    ['T2 not hex in parent id', { traceparent: `00-${T}-g${S.slice(1)}-01` }, undefined],
    ['T2 not hex in flags', { traceparent: `00-${T}-${S}-0g` }, undefined],
    ['T2 not ASCII', { traceparent: `00-${T}-${S}-0١` }, undefined],
    [
      'T2 beyond a byte, whose low half is a digit',
      { traceparent: `00-\u0130${T.slice(1)}-${S}-01` },
      undefined,
    ],
    ['T2 lone surrogate', { traceparent: `00-\ud800${T.slice(1)}-${S}-01` }, undefined],
    ['T2 other separator', { traceparent: `00_${T}_${S}_01` }, undefined],
    ['T2 OWS around', { traceparent: `\t ${OK} \t` }, OK],
    ['T2 too short but for white space', { traceparent: `${OK.slice(0, -1)}   ` }, undefined],
    [
      'T4 higher version, too short but for white space',
      { traceparent: ` cc${OK.slice(2, -1)}  ` },
      undefined,
    ],
    ['T2 line feed is no OWS (§5 7)', { traceparent: `\n${OK}` }, undefined],
    ['T2 trailing line feed (§5 7)', { traceparent: `${OK}\n` }, undefined],
    ['T2 no-break space (§5 7)', { traceparent: `\u00a0${OK}` }, undefined],
    ['T3 version 00 with a tail', { traceparent: `${OK}-x` }, undefined],
    ['T3 version 00 with one more character', { traceparent: `${OK}.` }, undefined],
    ['T4 higher version, same length, goes out as 00', { traceparent: `cc-${T}-${S}-01` }, OK],
    ['T4 higher version with a tail', { traceparent: `cc-${T}-${S}-01-what-the-future` }, OK],
    ['T4 higher version, tail without a dash', { traceparent: `cc-${T}-${S}-01.what` }, undefined],
    ['T4 higher version, three flag digits', { traceparent: `cc-${T}-${S}-011` }, undefined],
    ['T4 higher version, too short', { traceparent: `cc-${T}-${S}-1` }, undefined],
    ['T6 version not hex', { traceparent: `.0-${T}-${S}-01` }, undefined],
    ['T6 version of three digits', { traceparent: `000-${T}-${S}-01` }, undefined],
    ['T6 version of one digit', { traceparent: `0-${T}-${S}-01` }, undefined],
    [
      'T7 flags ff: two digits out, unknown bits zero (§5 1)',
      { traceparent: `00-${T}-${S}-ff` },
      `00-${T}-${S}-03`,
    ],
    ['T7 flags 10 (§5 1)', { traceparent: `00-${T}-${S}-10` }, `00-${T}-${S}-00`],
    ['T7 flags 05 (§5 2)', { traceparent: `00-${T}-${S}-05` }, `00-${T}-${S}-01`],
    ['T7 flags fd of a higher version', { traceparent: `cc-${T}-${S}-fd-x` }, `00-${T}-${S}-01`],
    ['T8 unsampled stays unsampled', { traceparent: `00-${T}-${S}-00` }, `00-${T}-${S}-00`],
    ['T9 random stays', { traceparent: `00-${T}-${S}-02` }, `00-${T}-${S}-02`],
    ['T11 two lines (§5 5)', { traceparent: [OK, `00-${T}-${S}-00`] }, undefined],
    ['T11 two equal lines', { traceparent: [OK, OK] }, undefined],
    ['T11 one line in an array', { traceparent: [OK] }, OK],
    ['T11 two letter cases', { Traceparent: OK, TRACEPARENT: OK }, undefined],
    ['T11 joined', { traceparent: `${OK}, ${OK}` }, undefined],
    [
      'T11 joined in a higher version (§5 6)',
      { traceparent: `cc-${T}-${S}-01-a, cc-${T}-${S}-01-b` },
      undefined,
    ],
    ['T13 tracestate alone', { tracestate: 'a=1' }, undefined],
    ['T28 a mile of white space', { traceparent: `${' '.repeat(1_000_000)}${OK}` }, undefined],
    ['empty', { traceparent: '' }, undefined],
    ['empty array', { traceparent: [] }, undefined],
    ['a number', { traceparent: 1 }, undefined],
    ['bytes', { traceparent: new TextEncoder().encode(OK) }, OK],
  ])('%s', (_, carrier, expected) => {
    expect(through(carrier).traceparent).toBe(expected);
  });

  it('marks the span context as remote', () => {
    expect(extract({ traceparent: OK })).toEqual({ traceId: T, spanId: S, traceFlags: 1, isRemote: true });
  });

  it('T7 shows samplers only the bits this version knows', () => {
    expect(extract({ traceparent: `00-${T}-${S}-ff` })?.traceFlags).toBe(3);
  });

  it('returns the very context when nothing valid was found, so that an earlier value stays', () => {
    const earlier = propagator.extract(ROOT_CONTEXT, { traceparent: OK });
    expect(propagator.extract(earlier, { traceparent: 'no' })).toBe(earlier);
    expect(propagator.extract(ROOT_CONTEXT, {})).toBe(ROOT_CONTEXT);
  });

  it('T12 does not look at tracestate when traceparent failed', () => {
    const asked: string[] = [];
    const getter: TextMapGetter = {
      keys: () => [],
      get(_, key) {
        asked.push(key);
        return undefined;
      },
    };
    extract({}, getter);
    expect(asked).toEqual(['traceparent']);
  });
});

const members = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=${i}`).join(',');

describe('tracestate through', () => {
  test.each([
    ['plain', 'foo=1,bar=2', 'foo=1,bar=2'],
    ['T14 several fields are one list', ['foo=1', 'bar=2,baz=3'], 'foo=1,bar=2,baz=3'],
    ['T15 Level 2 keys (§5 9)', 'foo@=1,foo@@b=1,1foo=1,t@1v=1', 'foo@=1,foo@@b=1,1foo=1,t@1v=1'],
    ['T15 long tenant and vendor (§5 9)', `${'t'.repeat(242)}@v=1`, `${'t'.repeat(242)}@v=1`],
    ['T15 key of 256', `${'z'.repeat(256)}=1`, `${'z'.repeat(256)}=1`],
    ['T15 key of 257 discards the list', `foo=1,${'z'.repeat(257)}=1`, undefined],
    ['T15 value of 256', `k=${'v'.repeat(256)}`, `k=${'v'.repeat(256)}`],
    ['T15 value of 257', `foo=1,k=${'v'.repeat(257)}`, undefined],
    ['T15 leading spaces belong to the value', 'foo=  1', 'foo=  1'],
    ['T15 trailing white space does not', 'foo=1 \t,\t bar=2 ', 'foo=1,bar=2'],
    ['T15 no-break space is not trimmed but illegal (§5 15)', '\u00a0foo=1', undefined],
    ['T15 space in a key', 'foo =1', undefined],
    ['T15 upper-case key', 'FOO=1', undefined],
    ['T15 dot in a key', 'foo.bar=1', undefined],
    ['T15 equals in a value', 'foo=a=b', undefined],
    ['T15 tab in a value', 'foo=a\tb', undefined],
    ['T15 not ASCII', 'foo=é', undefined],
    ['T16 empty (§5 8)', '', undefined],
    ['T16 white space (§5 8)', ' ', undefined],
    ['T16 commas (§5 8)', ',,,', undefined],
    ['T16 empty members', 'foo=1,,\t,bar=2,', 'foo=1,bar=2'],
    ['T16 an empty line', ['', 'foo=1', ''], 'foo=1'],
    ['T17 32 members', members(32), members(32)],
    ['T17 33 members discard the list (§5 10)', members(33), undefined],
    ['T17 33 over several lines', [members(32), 'last=1'], undefined],
    ['T20 first of duplicates (§5 11)', 'foo=1,bar=2,foo=3', 'foo=1,bar=2'],
    ['T21 one bad member (§5 10)', '@foo=1,bar=2', undefined],
    ['T21 empty value (§5 10)', 'foo=,bar=3', undefined],
    ['T21 no equals sign', 'foo,bar=3', undefined],
    ['T28 longer than the limit', `foo=1,${','.repeat(9000)}`, undefined],
    ['T28 more lines than the limit', Array.from({ length: 200 }, () => ''), undefined],
    ['not a string', 1, undefined],
  ])('%s', (_, tracestate, expected) => {
    expect(stateThrough(tracestate)).toBe(expected);
    // T12: whatever tracestate is, traceparent stands.
    expect(through({ traceparent: OK, tracestate }).traceparent).toBe(OK);
  });

  it('T23 leaves a list over 512 characters alone while traceparent is the caller’s', () => {
    const long = Array.from({ length: 8 }, (_, i) => `k${i}=${'v'.repeat(100)}`).join(',');
    expect(stateThrough(long)).toBe(long);
  });
});

describe('TraceState', () => {
  const entry = (key: string, length: number) => `${key}=${'v'.repeat(length - key.length - 1)}`;

  it('T18 cuts whole members from the right (§5 12)', () => {
    const list = [100, 100, 100, 100, 120, 20].map((length, i) => entry(`k${i}`, length));
    expect(parseTraceState(list.join(',')).serialize()).toBe(list.slice(0, 4).join(','));
  });

  it('T18 cuts members over 128 characters first (§5 13)', () => {
    const list = [200, 100, 100, 100, 100].map((length, i) => entry(`k${i}`, length));
    expect(parseTraceState(list.join(',')).serialize()).toBe(list.slice(1).join(','));
  });

  it('T18 keeps exactly 512', () => {
    const list = [entry('a', 255), entry('b', 256)].join(',');
    expect(list).toHaveLength(512);
    expect(parseTraceState(list).serialize()).toBe(list);
  });

  it('T17 evicts the right-most when full (§5 14)', () => {
    expect(parseTraceState(members(32)).set('new', '1').serialize()).toBe(`new=1,${members(31)}`);
  });

  it('T18 makes room for a new member (§5 14)', () => {
    const list = [entry('a', 250), entry('b', 249)].join(',');
    const cut = parseTraceState(list).set('new', 'x'.repeat(20)).serialize();
    expect(cut).toBe(`new=${'x'.repeat(20)},${entry('a', 250)}`);
  });

  it('T19 puts a changed member first and keeps the others’ order', () => {
    expect(parseTraceState('a=1,b=2,c=3').set('b', '9').serialize()).toBe('b=9,a=1,c=3');
  });

  test.each([
    ['key in upper case', 'BAD', '1'],
    ['key with a space', 'a b', '1'],
    ['empty key', '', '1'],
    ['empty value', 'a', ''],
    ['comma in the value', 'a', 'x,y'],
    ['line break in the value', 'a', 'x\r\ny: 1'],
    ['value ending in a space', 'a', 'x '],
  ])('set() refuses a %s', (_, key, value) => {
    const state = parseTraceState('a=1');
    expect(state.set(key, value)).toBe(state);
  });

  it('reads, removes and never changes in place', () => {
    const state = parseTraceState('a=1,__proto__=2'.replace('__proto__', 'b'));
    expect(state.get('b')).toBe('2');
    expect(state.unset('a').serialize()).toBe('b=2');
    expect(state.unset('zz')).toBe(state);
    expect(state.serialize()).toBe('a=1,b=2');
    expect(state.get('constructor')).toBeUndefined();
  });

  it('is empty for anything that is no list', () => {
    for (const bad of ['a=', 'x'.repeat(9000), undefined, 5]) {
      expect(parseTraceState(bad as string).serialize()).toBe('');
    }
  });
});

function injected(spanContext: unknown, carrier: Record<string, string> = {}): Record<string, string> {
  propagator.inject(
    trace.setSpanContext(ROOT_CONTEXT, spanContext as SpanContext),
    carrier,
    defaultTextMapSetter,
  );
  return carrier;
}

const sender = { traceId: T, spanId: S, traceFlags: 1 };

describe('inject', () => {
  test.each([
    ['upper-case ids become lower case', { ...sender, traceId: T.toUpperCase() }, OK],
    ['no flags', { traceId: T, spanId: S }, `00-${T}-${S}-00`],
    ['flags as text', { ...sender, traceFlags: '1' }, OK],
    ['flags beyond a byte', { ...sender, traceFlags: 0xfff1 }, OK],
    ['flags that are nonsense', { ...sender, traceFlags: Number.NaN }, `00-${T}-${S}-00`],
    ['invalid', INVALID_SPAN_CONTEXT, undefined],
    ['ids of the wrong type', { traceId: 1, spanId: 2, traceFlags: 1 }, undefined],
    ['header injection in an id', { ...sender, spanId: 'x\r\nevil: 1     ' }, undefined],
    ['undefined', undefined, undefined],
    ['null', null, undefined],
  ])('%s', (_, spanContext, expected) => {
    expect(injected(spanContext).traceparent).toBe(expected);
  });

  it('writes nothing and touches nothing when tracing is suppressed', () => {
    const carrier = { traceparent: 'mine' };
    const context = suppressTracing(trace.setSpanContext(ROOT_CONTEXT, sender));
    propagator.inject(context, carrier, defaultTextMapSetter);
    expect(carrier).toEqual({ traceparent: 'mine' });
  });

  it('leaves nothing of an earlier use behind, in any letter case (§5 17)', () => {
    const carrier = { Traceparent: 'old', TraceState: 'old=1', other: 'x' };
    expect(injected(sender, carrier)).toEqual({ traceparent: OK, other: 'x' });
  });

  test.each<[string, () => string, string | undefined]>([
    ['foreign and legal', () => 'a=1', 'a=1'],
    ['foreign and poisoned', () => 'a=1\r\nevil: 1', undefined],
    ['foreign and not text', () => 5 as unknown as string, undefined],
    [
      'foreign and throwing',
      () => {
        throw new Error('no');
      },
      undefined,
    ],
  ])('trace state: %s', (_, serialize, expected) => {
    const traceState = { serialize } as TraceState;
    expect(injected({ ...sender, traceState })).toEqual(
      expected === undefined ? { traceparent: OK } : { traceparent: OK, tracestate: expected },
    );
  });

  it('names exactly the headers it may write', () => {
    expect(propagator.fields()).toEqual(['traceparent', 'tracestate']);
  });
});

describe('with spans of the SDK', () => {
  const provider = new TracerProvider({ sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }) });
  const tracer = provider.getTracer('test');

  function afterSpans(
    carrier: Record<string, string>,
    depth: number,
    using = propagator,
  ): Record<string, string> {
    let context = using.extract(ROOT_CONTEXT, carrier);
    for (let i = 0; i < depth; i++) context = trace.setSpan(context, tracer.startSpan('s', {}, context));
    const out: Record<string, string> = {};
    using.inject(context, out);
    return out;
  }

  test.each([
    ['00', '00'],
    ['01', '01'],
    ['02', '02'],
    ['03', '03'],
    ['ff', '03'],
  ])('T9 flags %s in are %s out, below one span and below three (§5 3)', (flags, expected) => {
    for (const depth of [1, 3]) {
      const out = afterSpans({ traceparent: `00-${T}-${S}-${flags}`, tracestate: 'a=1' }, depth);
      expect(out.traceparent).toMatch(new RegExp(`^00-${T}-(?!${S})[0-9a-f]{16}-${expected}$`));
      expect(out.tracestate).toBe('a=1');
    }
  });

  it('T10 a local root has the random flag by option only (§5 4)', () => {
    const random = new W3CTraceContextPropagator({ randomTraceIds: true });
    expect(afterSpans({}, 1).traceparent).toMatch(/-01$/);
    expect(afterSpans({}, 1, random).traceparent).toMatch(/-03$/);
    expect(afterSpans({ traceparent: OK }, 1, random).traceparent).toMatch(/-01$/);
  });

  it('T9 a new root inside a continued trace does not inherit its flag', () => {
    const context = propagator.extract(ROOT_CONTEXT, { traceparent: `00-${T}-${S}-03` });
    const root = tracer.startSpan('root', { root: true }, context);
    const out: Record<string, string> = {};
    propagator.inject(trace.setSpan(context, root), out);
    expect(out.traceparent).toMatch(/-01$/);
    expect(out.traceparent).not.toContain(T);
  });

  it('T22 every span sends its own id', () => {
    const context = propagator.extract(ROOT_CONTEXT, { traceparent: OK });
    const ids = new Set<string | undefined>();
    for (let i = 0; i < 3; i++) {
      const out: Record<string, string> = {};
      propagator.inject(trace.setSpan(context, tracer.startSpan('c', {}, context)), out);
      ids.add(out.traceparent);
    }
    expect(ids.size).toBe(3);
  });

  it('keeps what the caller stored in the context', () => {
    const key = Symbol('mine');
    const context = propagator.extract(ROOT_CONTEXT.setValue(key, 1), { traceparent: OK });
    expect(context.getValue(key)).toBe(1);
    const more = trace.setSpan(context.setValue(key, 2), tracer.startSpan('s', {}, context));
    expect(more.getValue(key)).toBe(2);
    expect(context.getValue(key)).toBe(1);
    expect(more.deleteValue(key).getValue(key)).toBeUndefined();
    expect(trace.getSpan(trace.deleteSpan(more))).toBeUndefined();
    expect(trace.getSpan(context)).toBe(trace.getSpan(context));
  });
});

test('set-up mistakes throw', () => {
  expect(() => new W3CTraceContextPropagator({ randomTraceIds: 'yes' as unknown as boolean })).toThrow(
    /\[throughline\/propagators\] W3CTraceContextPropagator: options\.randomTraceIds must be a boolean, got string/,
  );
});
