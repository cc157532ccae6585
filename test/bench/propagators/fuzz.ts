/**
 * Fuzzes every propagator: mutated headers in, a legal carrier out that says the same when it comes in again.
 *
 *   node test/bench/propagators/fuzz.ts [inputs] [seed]
 *
 * Exits with 1 on the first throw, illegal header or changed trace, and prints what to replay.
 */
import { readFileSync } from 'node:fs';
import { type Context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import {
  B3Propagator,
  CompositePropagator,
  conflictingSpanContexts,
  GrpcTraceBinPropagator,
  JaegerPropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
  XRayPropagator,
} from '@throughline/propagators';
import { isLegal } from './grammar.ts';

const inputs = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? 20_261_121);

const corpus = JSON.parse(readFileSync(new URL('./corpus.json', import.meta.url), 'utf8')) as Record<
  string,
  string
>[];
const fields = [...new Set(corpus.flatMap((carrier) => Object.keys(carrier)))];
const values = corpus.flatMap((carrier) => Object.values(carrier));

const w3c = new W3CTraceContextPropagator();
const baggage = new W3CBaggagePropagator();
const b3 = new B3Propagator();
const b3multi = new B3Propagator({ inject: 'multi' });
const jaeger = new JaegerPropagator();
const xray = new XRayPropagator();
const grpc = new GrpcTraceBinPropagator({ encoding: 'base64' });
const tracers = [w3c, b3, b3multi, jaeger, xray, grpc];
const composites = [
  new CompositePropagator({ extract: [w3c, b3, jaeger, xray, grpc, baggage], inject: [...tracers, baggage] }),
  new CompositePropagator({ extract: [jaeger, baggage, grpc, xray, b3, w3c], inject: [...tracers, baggage] }),
];

let state = seed | 0;
/** A whole number from 0 to `below` - 1: mulberry32, so that a seed replays a run anywhere. */
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}

function pick<T>(list: readonly T[]): T {
  return list[random(list.length)] as T;
}

const odd = [
  ...',;=-:% \t\r\n\0"\\@|*/~_0af19AFdgz?',
  'é',
  '中',
  '\ud800',
  '%FF',
  '%C3',
  '%3A',
  '00',
  '-01',
  ',,',
  'a=',
];

function mutated(value: string): string {
  let text = value;
  for (let rounds = 1 + random(3); rounds > 0; rounds--) {
    const at = random(text.length + 1);
    switch (random(8)) {
      case 0:
        text = text.slice(0, at) + pick(odd) + text.slice(at);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(at + 1 + random(4));
        break;
      case 2:
        text = text.slice(0, at) + pick(odd) + text.slice(at + 1);
        break;
      case 3:
        text = text.slice(0, at) + pick(values).slice(random(20));
        break;
      case 4:
        text =
          text.slice(0, at) +
          String.fromCharCode(random(random(4) === 0 ? 65_536 : 256)) +
          text.slice(at + 1);
        break;
      case 5:
        text = `${text}${pick([',', ';', ', ', '-', ''])}${text}`;
        break;
      case 6:
        text = random(50) === 0 ? text.repeat(1 + random(300)) : text.toUpperCase();
        break;
      default:
        text = text.slice(at) + text.slice(0, at);
    }
  }
  return text;
}

function input(): Record<string, unknown> {
  const carrier: Record<string, unknown> = { ...pick(corpus) };
  for (const field of Object.keys(carrier)) {
    const value = carrier[field] as string;
    switch (random(8)) {
      case 0:
        break;
      case 1:
        carrier[field] = [value, mutated(value)];
        break;
      case 2:
        carrier[field] = new TextEncoder().encode(mutated(value));
        break;
      case 3:
        delete carrier[field];
        carrier[random(2) === 0 ? field.toUpperCase() : pick(fields)] = mutated(value);
        break;
      default:
        carrier[field] = mutated(value);
    }
  }
  return carrier;
}

const counts = {
  inputs: 0,
  withTrace: 0,
  withBaggage: 0,
  untouched: 0,
  conflicts: 0,
  headersOut: 0,
  failures: 0,
};

function fail(what: string, carrier: unknown, out: unknown): never {
  console.error(`input ${counts.inputs} of seed ${seed}: ${what}`);
  console.error('in: ', JSON.stringify(carrier)?.slice(0, 2000));
  console.error('out:', JSON.stringify(out)?.slice(0, 2000));
  process.exit(1);
}

function check(carrier: Record<string, unknown>, context: Context): void {
  const out: Record<string, string> = {};
  const composite = composites[0] as CompositePropagator;
  composite.inject(context, out);
  for (const name in out) {
    counts.headersOut++;
    if (!isLegal(name, out[name])) fail(`illegal ${name}`, carrier, out);
  }
  const spanContext = trace.getSpanContext(context);
  if (spanContext !== undefined) {
    for (const propagator of tracers) {
      const again = trace.getSpanContext(propagator.extract(ROOT_CONTEXT, out));
      const same =
        again?.traceId === spanContext.traceId &&
        again.spanId === spanContext.spanId &&
        (again.traceFlags & 1) === (spanContext.traceFlags & 1);
      if (!same) fail(`${propagator.fields()[0]} says something else when it comes in again`, carrier, out);
    }
  }
  const entries = propagation.getBaggage(context)?.getAllEntries() ?? [];
  const again = propagation.getBaggage(baggage.extract(ROOT_CONTEXT, out));
  // Coding can grow an entry beyond the limit, which drops it; a lone surrogate has no UTF-8 form.
  const longest = entries.reduce((sum, [key, { value, metadata }]) => {
    return sum + key.length + 9 * (value.length + (metadata?.toString().length ?? 0)) + 3;
  }, 0);
  const whole = entries.length <= 64 && longest < 8192;
  for (const [key, entry] of entries) {
    const value = again?.getEntry(key)?.value;
    if (value === undefined && !whole) continue;
    if (value !== entry.value.replace(/\p{Surrogate}/gu, '\ufffd')) fail('baggage changed', carrier, out);
  }
}

const started = performance.now();
for (let i = 0; i < inputs; i++) {
  counts.inputs++;
  const carrier = input();
  let context: Context = ROOT_CONTEXT;
  try {
    context = pick(composites).extract(ROOT_CONTEXT, carrier);
    if (context === ROOT_CONTEXT) {
      counts.untouched++;
      continue;
    }
    if (trace.getSpan(context) !== undefined) counts.withTrace++;
    if (propagation.getBaggage(context) !== undefined) counts.withBaggage++;
    if (conflictingSpanContexts(context).length > 0) counts.conflicts++;
    check(carrier, context);
  } catch (error) {
    fail(`threw ${String(error)}`, carrier, undefined);
  }
}
const seconds = (performance.now() - started) / 1000;
console.log(counts);
console.log(`seed ${seed}, ${seconds.toFixed(1)} s, ${((seconds * 1e6) / inputs).toFixed(2)} µs per input`);
