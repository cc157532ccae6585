import { createTraceState, type SpanContext, type SpanKind } from '@opentelemetry/api';
import type { SamplingResult, SpanLimits } from '@opentelemetry/sdk-trace';
import fc from 'fast-check';

/** How the code around the tracer is set up. */
export interface Setting {
  readonly limits: SpanLimits | undefined;
  /** What the sampler answers, one after the other; `'default'` is the SDK's own sampler, `'throws'` an error. */
  readonly verdicts: 'default' | readonly (SamplingResult | 'throws' | 'writes')[];
  readonly processors: readonly ProcessorKind[];
  /** Whether the id generator returns something that is no id. */
  readonly brokenIds: boolean;
}

/** What a span processor does besides recording that it was called. */
export type ProcessorKind = 'records' | 'without onEnding' | 'writes' | 'changes the span' | 'throws';

/** How a span is looked at. Exporters of others wrap spans in these ways. */
export type View = 'itself' | 'proxy' | 'heir';

export type Parent =
  | { readonly kind: 'none' | 'suppressed' | 'suppressed below a span' }
  | { readonly kind: 'span'; readonly index: number }
  | { readonly kind: 'remote'; readonly spanContext: SpanContext };

export type Step =
  | {
      readonly do: 'start';
      readonly name: string;
      readonly options: unknown;
      readonly parent: Parent;
      readonly how:
        | 'startSpan'
        | 'startSpan in the active context'
        | 'active'
        | 'active with options'
        | 'all';
    }
  | { readonly do: 'wait'; readonly milliseconds: number }
  | {
      readonly do: 'call';
      readonly index: number;
      readonly view: View;
      readonly method: Method;
      readonly args: readonly unknown[];
    };

export type Method =
  | 'setAttribute'
  | 'setAttributes'
  | 'addEvent'
  | 'addLink'
  | 'addLinks'
  | 'setStatus'
  | 'updateName'
  | 'recordException'
  | 'end'
  | 'isRecording';

export interface Program {
  readonly setting: Setting;
  readonly steps: readonly Step[];
}

const constants = <T>(...values: readonly T[]) => fc.constantFrom(...values);

class Money {
  readonly amount = 1;
}
const circle: unknown[] = ['round'];
circle.push(circle);
const ring: Record<string, unknown> = { a: 1 };
ring.self = ring;
const shared = { deep: ['long enough to be cut'] };

const VALUE = fc.oneof(
  { weight: 4, arbitrary: constants<unknown>('', 'short', 'a text that exceeds most limits', 'grüße 🎉🎉') },
  {
    weight: 3,
    arbitrary: constants<unknown>(0, -0, 1, 3.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, true, false),
  },
  { weight: 2, arbitrary: constants<unknown>(null, undefined) },
  {
    weight: 2,
    arbitrary: constants<unknown>(
      [],
      ['a', 'a text that exceeds most limits'],
      [1, 2],
      [true, null],
      [null, undefined],
      [undefined, 'b'],
      ['a', 1],
      [['nested']],
      [{ a: 'map' }],
      [Symbol.iterator],
      // biome-ignore lint/suspicious/noSparseArray: a list with a hole is one of the values
      ['a', , 'c'],
    ),
  },
  {
    weight: 2,
    arbitrary: constants<unknown>(
      {},
      { a: 'a text that exceeds most limits', b: [1, { c: null }], u: undefined },
      Object.assign(Object.create(null), { a: 1 }),
      { f: () => 1 },
      [shared, shared],
      { once: shared, twice: shared },
      new Uint8Array([1, 2, 3, 4]),
      Buffer.from('bytes'),
    ),
  },
  {
    weight: 1,
    arbitrary: constants<unknown>(
      10n,
      Symbol('s'),
      () => 'called',
      new Date(0),
      /regexp/,
      new Map([['a', 1]]),
      new Money(),
      circle,
      ring,
      new String('boxed'),
    ),
  },
);

const KEY = fc.oneof(
  { weight: 8, arbitrary: constants('a', 'b', 'c', 'd', 'http.route') },
  { weight: 1, arbitrary: constants('', '1', '__proto__', 'constructor', 'toString') },
);

const ENTRIES = fc.array(fc.tuple(KEY, VALUE), { maxLength: 6 }).map((entries) => {
  const attributes: Record<string, unknown> = {};
  for (const [key, value] of entries)
    Object.defineProperty(attributes, key, { value, enumerable: true, configurable: true, writable: true });
  return attributes as unknown;
});
const PLAIN = fc.dictionary(
  constants('a', 'b', 'c', 'd', 'e'),
  constants<unknown>('x', 'a text that exceeds', 7, true),
  {
    noNullPrototype: true,
  },
);
const ATTRIBUTES = fc.oneof(
  { weight: 4, arbitrary: ENTRIES },
  { weight: 3, arbitrary: PLAIN as fc.Arbitrary<unknown> },
  {
    weight: 1,
    arbitrary: constants<unknown>(
      undefined,
      null,
      'text',
      5,
      ['list', 'of', 'texts'],
      () => 1,
      Object.create({ inherited: 1 }, { own: { value: 'o', enumerable: true }, hidden: { value: 'h' } }),
      Object.defineProperty({ a: 1 }, 'computed', { get: () => 'got', enumerable: true }),
      Object.defineProperty({ a: 1 }, 'broken', { get: () => failing('a getter'), enumerable: true }),
      { [Symbol('key')]: 'symbol', a: 'a' },
      new Map([['a', 1]]),
      new Proxy({ a: 'behind a proxy', b: [1] }, {}),
    ),
  },
);

function failing(what: string): never {
  throw new Error(`${what} failed`);
}

/** Milliseconds of `performance.now()` and of `Date.now()` when a program begins. */
export const BEGINNING = { performance: 60_000.25, date: 1_795_000_000_123 };

const TIME = fc.oneof(
  { weight: 3, arbitrary: constants<unknown>(undefined) },
  {
    weight: 3,
    arbitrary: constants<unknown>(
      [1_795_000_000, 123_456_789],
      [1_795_000_001, 999_999_999],
      BEGINNING.date,
      BEGINNING.date + 1_500.75,
      new Date(BEGINNING.date),
      new Date(BEGINNING.date + 250),
      BEGINNING.performance,
      BEGINNING.performance - 12.345678,
      BEGINNING.performance + 3.25,
    ),
  },
  {
    weight: 1,
    arbitrary: constants<unknown>(
      null,
      0,
      -1,
      1e300,
      Number.NaN,
      [1],
      [1, '2'],
      [1, 2, 3],
      'now',
      true,
      5n,
      {},
      new Date(Number.NaN),
    ),
  },
);

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_CONTEXT = fc.oneof(
  {
    weight: 8,
    arbitrary: constants<SpanContext>(
      { traceId: TRACE_ID, spanId: 'b7ad6b7169203331', traceFlags: 1, isRemote: true },
      { traceId: TRACE_ID, spanId: 'b7ad6b7169203332', traceFlags: 0, isRemote: true },
      {
        traceId: TRACE_ID,
        spanId: 'b7ad6b7169203333',
        traceFlags: 3,
        traceState: createTraceState('vendor=value,other=1'),
      },
    ),
  },
  {
    weight: 1,
    arbitrary: constants<SpanContext>(
      { traceId: '0'.repeat(32), spanId: 'b7ad6b7169203331', traceFlags: 1 },
      { traceId: 'not an id', spanId: '', traceFlags: 1 },
      null as unknown as SpanContext,
    ),
  },
);
const LINK = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record(
      { context: SPAN_CONTEXT, attributes: ATTRIBUTES, droppedAttributesCount: constants(0, 5) },
      { requiredKeys: ['context'] },
    ) as fc.Arbitrary<unknown>,
  },
  { weight: 1, arbitrary: constants<unknown>({}, 'link') },
);
const LINKS = fc.oneof(
  { weight: 16, arbitrary: fc.array(LINK, { maxLength: 4 }) as fc.Arbitrary<unknown> },
  { weight: 1, arbitrary: constants<unknown>(null, undefined, [undefined], 5) },
);

const STATUS = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record(
      {
        code: constants<unknown>(0, 1, 2, 2, 3, undefined),
        message: constants<unknown>('why', '', undefined, null, 5, new Error('why')),
      },
      { requiredKeys: ['code'] },
    ) as fc.Arbitrary<unknown>,
  },
  { weight: 1, arbitrary: constants<unknown>(null, undefined, 'status') },
);

const withStack = (error: Error, more: object = {}) =>
  Object.assign(error, { stack: `${error.name}: ${error.message}\n    at somewhere` }, more);
const EXCEPTION = constants<unknown>(
  withStack(new Error('broken')),
  withStack(new TypeError('wrong'), { code: 'ERR_WRONG' }),
  withStack(new Error('numbered'), { code: 404 }),
  withStack(new Error('')),
  'thrown text',
  '',
  { message: 'only a message' },
  { name: 'OnlyAName' },
  { name: '', message: '' },
  { code: 0, message: 'm' },
  { code: { toString: () => 'CODE' } },
  { stack: 'only a stack' },
  { message: 5, name: true, stack: {} },
  {},
  [],
  5,
  null,
  undefined,
  Object.create(null),
);

const NAME = fc.oneof(
  { weight: 12, arbitrary: constants<unknown>('GET', 'GET /orders/:id', '') },
  { weight: 1, arbitrary: constants<unknown>(undefined, 5) },
);
const INDEX = fc.nat({ max: 30 });
const METHODS: Record<Method, fc.Arbitrary<readonly unknown[]>> = {
  setAttribute: fc.oneof(
    { weight: 9, arbitrary: fc.tuple(KEY as fc.Arbitrary<unknown>, VALUE) },
    { weight: 1, arbitrary: fc.tuple(constants<unknown>(undefined, null, 5, Symbol('key'), ['a']), VALUE) },
  ),
  setAttributes: fc.tuple(ATTRIBUTES),
  addEvent: fc.oneof(
    fc.tuple(NAME),
    fc.tuple(NAME, ATTRIBUTES),
    fc.tuple(NAME, TIME),
    fc.tuple(NAME, ATTRIBUTES, TIME),
    fc.tuple(NAME, TIME, TIME),
  ),
  addLink: fc.tuple(LINK),
  addLinks: fc.tuple(LINKS),
  setStatus: fc.tuple(STATUS),
  updateName: fc.tuple(NAME),
  recordException: fc.tuple(EXCEPTION, TIME),
  end: fc.tuple(TIME),
  isRecording: fc.constant([]),
};

const PARENT: fc.Arbitrary<Parent> = fc.oneof(
  { weight: 3, arbitrary: constants<Parent>({ kind: 'none' }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('span' as const), index: INDEX }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('remote' as const), spanContext: SPAN_CONTEXT }) },
  { weight: 1, arbitrary: constants<Parent>({ kind: 'suppressed' }, { kind: 'suppressed below a span' }) },
);
const OPTIONS = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record(
      {
        kind: constants<unknown>(...[0, 1, 2, 3, 4].map((kind) => kind as SpanKind), undefined, null, 9),
        attributes: ATTRIBUTES,
        links: LINKS,
        startTime: TIME,
        root: constants<unknown>(true, false, undefined),
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<unknown>,
  },
  { weight: 1, arbitrary: constants<unknown>(undefined, null) },
);
const START: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('start' as const),
  name: NAME as fc.Arbitrary<string>,
  options: OPTIONS,
  parent: PARENT,
  how: constants<Extract<Step, { do: 'start' }>['how']>(
    'startSpan',
    'startSpan',
    'startSpan in the active context',
    'active',
    'active with options',
    'all',
  ),
});
const CALL: fc.Arbitrary<Step> = fc.oneof(
  ...(Object.entries(METHODS) as [Method, fc.Arbitrary<readonly unknown[]>][]).map(([method, args]) => ({
    weight: method.startsWith('set') ? 3 : 2,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      index: INDEX,
      view: constants<View>('itself', 'itself', 'itself', 'proxy', 'heir'),
      method: fc.constant(method),
      args,
    }),
  })),
);
const WAIT: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('wait' as const),
  milliseconds: constants(0, 0.001, 0.4, 7.654321, 1_000, 999.9999999, -3),
});

const LIMIT = constants<unknown>(
  undefined,
  undefined,
  null,
  0,
  1,
  2,
  3,
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1.5,
);
const LENGTH = constants<unknown>(
  undefined,
  undefined,
  null,
  0,
  1,
  5,
  10,
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
);
const LIMITS = fc.record(
  {
    attributeCountLimit: LIMIT,
    attributeValueLengthLimit: LENGTH,
    eventCountLimit: LIMIT,
    linkCountLimit: LIMIT,
    attributePerEventCountLimit: LIMIT,
    attributePerLinkCountLimit: LIMIT,
  },
  { requiredKeys: [] },
) as fc.Arbitrary<SpanLimits>;

const VERDICT = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record(
      {
        decision: constants(2, 2, 2, 1, 0),
        attributes: ATTRIBUTES,
        traceState: constants<unknown>(undefined, createTraceState('sampler=1')),
      },
      { requiredKeys: ['decision'] },
    ) as fc.Arbitrary<SamplingResult>,
  },
  { weight: 1, arbitrary: constants('throws' as const, 'writes' as const) },
);
const SETTING: fc.Arbitrary<Setting> = fc.record({
  limits: fc.option(LIMITS, { nil: undefined }),
  verdicts: fc.oneof(
    { weight: 2, arbitrary: fc.constant('default' as const) },
    { weight: 3, arbitrary: fc.array(VERDICT, { minLength: 1, maxLength: 4 }) },
  ),
  processors: fc.oneof(
    {
      weight: 3,
      arbitrary: constants<readonly ProcessorKind[]>(['records'], ['records', 'without onEnding']),
    },
    {
      weight: 2,
      arbitrary: fc.array(
        constants<ProcessorKind>('records', 'without onEnding', 'writes', 'changes the span', 'throws'),
        { maxLength: 3 },
      ),
    },
  ),
  brokenIds: constants(false, false, false, false, true),
});

/** Anything that can be done with a tracer and its spans, legal or not. */
export const PROGRAM: fc.Arbitrary<Program> = fc.record({
  setting: SETTING,
  steps: fc
    .tuple(
      START,
      fc.array(
        fc.oneof(
          { weight: 3, arbitrary: START },
          { weight: 12, arbitrary: CALL },
          { weight: 2, arbitrary: WAIT },
        ),
        { maxLength: 40 },
      ),
    )
    .map(([first, rest]) => [first, ...rest]),
});

/** Programs that are seldom put together at random. */
export const RARE_PROGRAMS: readonly Program[] = [null, { a: 1 }, ['list'], 'text'].map((value) => ({
  setting: {
    limits: undefined,
    verdicts: [{ decision: 2 }],
    processors: ['records'],
    brokenIds: false,
  },
  steps: [
    {
      do: 'start',
      name: 'GET',
      options: { attributes: JSON.parse(JSON.stringify({ PROTO: value }).replace('PROTO', '__proto__')) },
      parent: { kind: 'none' },
      how: 'startSpan',
    },
    { do: 'call', index: 0, view: 'itself', method: 'setAttribute', args: ['__proto__', value] },
  ],
}));
