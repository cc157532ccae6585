/**
 * Times this package's propagators beside those of @opentelemetry/core, in one process and in turns.
 *
 *   node test/bench/propagators/speed.ts [rounds] [filter]
 *
 * Prints Markdown: median ns and bytes allocated per operation, and the ratios of medians; then the cost of adversarial
 * headers by size. Each pair is checked to give the same result before it is timed.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  propagation,
  ROOT_CONTEXT,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api';
import * as core from '@opentelemetry/core';
import * as ours from '@throughline/propagators';

const rounds = Number(process.argv[2] ?? 31);
const filter = new RegExp(process.argv[3] ?? '');
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** A string as Node's HTTP parser makes it: flat, one byte per character, nothing shared. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

const hex = (length: number, n: number) =>
  (n * 2_654_435_761).toString(16).padStart(length, '7').slice(0, length);
const VARIANTS = 64;

/** Headers of an ordinary request; each of the 64 has other ids. */
function requests(extra: (n: number) => Record<string, string>): Record<string, string>[] {
  return Array.from({ length: VARIANTS }, (_, n) => {
    const headers: Record<string, string> = {
      host: 'shop.example',
      'user-agent': 'bench',
      accept: '*/*',
      'content-type': 'application/json',
      'content-length': '12',
      connection: 'keep-alive',
    };
    for (const [name, value] of Object.entries(extra(n))) headers[name] = flat(value);
    return headers;
  });
}

const traceparent = (n: number) => `00-${hex(32, n + 1)}-${hex(16, n + 7)}-01`;
const tracestate = (n: number) => `rojo=${hex(16, n)},congo=t61rcWkgMzE`;
const baggage = (members: number) => (n: number) =>
  Array.from({ length: members }, (_, i) => `key${i}=value${n}-${i}`).join(',');

interface Case {
  readonly name: string;
  readonly core?: (n: number) => unknown;
  readonly ours: (n: number) => unknown;
  /** What both must agree on; the result itself when absent. */
  readonly same?: (result: never) => unknown;
}

const w3c = [new core.W3CTraceContextPropagator(), new ours.W3CTraceContextPropagator()] as const;
const bag = [new core.W3CBaggagePropagator(), new ours.W3CBaggagePropagator()] as const;
const both = [
  new core.CompositePropagator({ propagators: [w3c[0], bag[0]] }),
  new ours.CompositePropagator({ extract: [w3c[1], bag[1]], inject: [w3c[1], bag[1]] }),
] as const;

type Pair = readonly [TextMapPropagator, TextMapPropagator];

function view(context: Context): unknown {
  const spanContext = trace.getSpanContext(context);
  return [
    spanContext?.traceId,
    spanContext?.spanId,
    spanContext?.traceFlags,
    spanContext?.traceState?.serialize(),
    propagation.getBaggage(context)?.getAllEntries(),
  ];
}

function extractCase(name: string, pair: Pair, carriers: Record<string, string>[], read?: boolean): Case {
  const run = (propagator: TextMapPropagator) => (n: number) => {
    const context = propagator.extract(ROOT_CONTEXT, carriers[n], defaultTextMapGetter);
    return read === true ? propagation.getBaggage(context)?.getAllEntries() : context;
  };
  const [theirs, mine] = pair;
  return read === true
    ? { name, core: run(theirs), ours: run(mine) }
    : { name, core: run(theirs), ours: run(mine), same: view };
}

/** `make` gives the contexts to inject, by each side's own extraction. */
function injectCase(
  name: string,
  pair: Pair,
  make: (propagator: TextMapPropagator, n: number) => Context,
): Case {
  const run = (propagator: TextMapPropagator) => {
    const contexts = Array.from({ length: VARIANTS }, (_, n) => make(propagator, n));
    return (n: number) => {
      const carrier = {};
      propagator.inject(contexts[n] as Context, carrier, defaultTextMapSetter);
      return carrier;
    };
  };
  return { name, core: run(pair[0]), ours: run(pair[1]) };
}

function child(context: Context, n: number): Context {
  const parent = trace.getSpanContext(context);
  if (parent === undefined) return context;
  return trace.setSpanContext(context, { ...parent, spanId: flat(hex(16, n + 99)), isRemote: false });
}

const plain = requests(() => ({}));
/** As `IncomingMessage.headersDistinct` has them: no prototype, every value in an array. */
const distinct = plain.map((headers) =>
  Object.assign(
    Object.create(null),
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
  ),
);
const withParent = requests((n) => ({ traceparent: traceparent(n) }));
const withState = requests((n) => ({ traceparent: traceparent(n), tracestate: tracestate(n) }));
const withAll = requests((n) => ({
  traceparent: traceparent(n),
  tracestate: tracestate(n),
  baggage: baggage(3)(n),
}));
const extracted = (carriers: Record<string, string>[]) => (propagator: TextMapPropagator, n: number) =>
  propagator.extract(ROOT_CONTEXT, carriers[n], defaultTextMapGetter);

const cases: Case[] = [
  extractCase('W3C extract, traceparent + tracestate', w3c, withState),
  extractCase('W3C extract, traceparent only', w3c, withParent),
  extractCase('W3C extract, headers absent', w3c, plain),
  extractCase('W3C extract, headers absent in headersDistinct', w3c, distinct),
  injectCase('W3C inject, child span + tracestate', w3c, (p, n) => child(extracted(withState)(p, n), n)),
  injectCase('W3C inject, passed on', w3c, extracted(withState)),
];
for (const count of [1, 8, 64]) {
  const carriers = requests((n) => ({ baggage: baggage(count)(n) }));
  const label = `${count} ${count === 1 ? 'member' : 'members'}`;
  cases.push(
    extractCase(`baggage extract, ${label}`, bag, carriers),
    extractCase(`baggage extract and read all, ${label}`, bag, carriers, true),
    injectCase(`baggage inject as received, ${label}`, bag, extracted(carriers)),
    injectCase(`baggage inject of own entries, ${label}`, bag, (_, n) => {
      const entries = Array.from({ length: count }, (_, i) => [`key${i}`, { value: `value ${n}-${i}` }]);
      return propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage(Object.fromEntries(entries)));
    }),
    {
      name: `baggage extract and inject, ${label}`,
      core: relay(bag[0], carriers),
      ours: relay(bag[1], carriers),
    },
  );
}
cases.push(extractCase('composite extract, trace + 3 baggage members', both, withAll), {
  name: 'composite extract and inject',
  core: relay(both[0], withAll),
  ours: relay(both[1], withAll),
});

function relay(propagator: TextMapPropagator, carriers: Record<string, string>[]) {
  return (n: number) => {
    const out = {};
    propagator.inject(
      propagator.extract(ROOT_CONTEXT, carriers[n], defaultTextMapGetter),
      out,
      defaultTextMapSetter,
    );
    return out;
  };
}

const b3 = new ours.B3Propagator();
const b3multi = new ours.B3Propagator({ inject: 'multi' });
const singles = requests((n) => ({ b3: `${hex(32, n + 1)}-${hex(16, n + 7)}-1` }));
const multis = requests((n) => ({
  'x-b3-traceid': hex(32, n + 1),
  'x-b3-spanid': hex(16, n + 7),
  'x-b3-sampled': '1',
}));
cases.push(
  { name: 'B3 single extract', ours: (n) => b3.extract(ROOT_CONTEXT, singles[n]) },
  { name: 'B3 multi extract', ours: (n) => b3.extract(ROOT_CONTEXT, multis[n]) },
  { name: 'B3 single extract and inject', ours: relay(b3 as TextMapPropagator, singles) },
  { name: 'B3 multi extract and inject', ours: relay(b3multi as TextMapPropagator, multis) },
);

let sink: unknown;

function time(run: (n: number) => unknown, operations: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < operations; i++) sink = run(i & (VARIANTS - 1));
  return Number(process.hrtime.bigint() - start) / operations;
}

function bytes(run: (n: number) => unknown): number {
  const samples: number[] = [];
  for (let sample = 0; sample < 7; sample++) {
    collect();
    const before = process.memoryUsage().heapUsed;
    // Few enough that the young generation is not collected on the way.
    for (let i = 0; i < 256; i++) sink = run(i & (VARIANTS - 1));
    samples.push((process.memoryUsage().heapUsed - before) / 256);
  }
  return median(samples);
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function measured(runs: ((n: number) => unknown)[]): number[] {
  const operations = runs.map((run) => {
    const once = time(run, 2000) + time(run, 2000);
    return Math.max(64, Math.ceil((8_000_000 * 2) / once));
  });
  const times: number[][] = runs.map(() => []);
  for (let round = 0; round < rounds; round++) {
    // The order alternates, so that neither side always runs on the other's garbage.
    const order = round % 2 === 0 ? [...runs.keys()] : [...runs.keys()].reverse();
    for (const i of order) {
      times[i]?.push(time(runs[i] as (n: number) => unknown, operations[i] as number));
    }
  }
  return times.map(median);
}

const row = (...cells: (string | number)[]) => console.log(`| ${cells.join(' | ')} |`);
const number = (value: number) => (value < 100 ? value.toFixed(1) : Math.round(value).toString());

console.log(`Node ${process.version}, @opentelemetry/core 3.1.1, ${rounds} rounds in turns, medians.\n`);
row('operation', 'core ns', 'ours ns', 'times faster', 'core bytes', 'ours bytes', 'share of bytes');
row('---', '---:', '---:', '---:', '---:', '---:', '---:');
for (const one of cases.filter(({ name }) => filter.test(name))) {
  const same = (one.same ?? ((result: unknown) => result)) as (result: unknown) => unknown;
  if (one.core !== undefined) {
    for (let n = 0; n < VARIANTS; n++) deepStrictEqual(same(one.ours(n)), same(one.core(n)));
    const [theirs = 0, mine = 0] = measured([one.core, one.ours]);
    const [theirBytes, myBytes] = [bytes(one.core), bytes(one.ours)];
    row(
      one.name,
      number(theirs),
      number(mine),
      (theirs / mine).toFixed(1),
      number(theirBytes),
      number(myBytes),
      (myBytes / theirBytes).toFixed(2),
    );
  } else {
    const [mine = 0] = measured([one.ours]);
    row(one.name, '–', number(mine), '–', '–', number(bytes(one.ours)), '–');
  }
}

console.log(
  '\nAdversarial headers: µs per extract of tracestate (beside a valid traceparent) and baggage.\n',
);
/** The largest is for ours alone: where the cost grows with the bytes, it would take minutes. */
const sizes = [1024, 16_384, 131_072, 1_048_576, 10_485_760];
const sizesOf = (pair: 0 | 1) => (pair === 0 ? sizes.slice(0, -1) : sizes);
const label = (size: number) => (size >= 1_048_576 ? `${size / 1_048_576} MB` : `${size / 1024} KB`);
row(
  'filled with',
  ...sizesOf(0).map((size) => `core, ${label(size)}`),
  ...sizesOf(1).map((size) => `ours, ${label(size)}`),
);
row('---', ...sizesOf(0).map(() => '---:'), ...sizesOf(1).map(() => '---:'));
for (const fill of [',', ';', '=', ' ', '%', 'a=1,', 'a=%FF,', 'a=1;', '\t,']) {
  const cost = (pair: 0 | 1) =>
    sizesOf(pair).map((size) => {
      const text = flat(fill.repeat(size / fill.length));
      const carrier = { traceparent: traceparent(1), tracestate: text, baggage: text };
      const run = () => {
        const context = both[pair].extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);
        // Reading is part of it: a parser that only postpones the work has not bounded it.
        sink = trace.getSpanContext(context)?.traceState?.serialize();
        sink = propagation.getBaggage(context)?.getAllEntries();
      };
      run();
      const samples = Array.from({ length: 9 }, () => time(run, size > 100_000 ? 3 : 30));
      return (median(samples) / 1000).toFixed(1);
    });
  row(`\`${fill.replace('\t', '\\t')}\``, ...cost(0), ...cost(1));
}
void sink;
