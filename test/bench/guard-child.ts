// Counts what one request costs, without a clock. Run by guard.test.ts with the flags it names; prints JSON.
import type { EventEmitter } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import {
  type Attributes,
  type Context,
  type ContextManager,
  context,
  propagation,
  type Span,
  type SpanContext,
  type SpanOptions,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { exchangeOf, traceListener } from '@throughline/http';
import { createPropagator } from '@throughline/propagators';

/** Per request. */
export interface Counts {
  /** Bytes that our code and the API allocate, above the bare server; those of an SDK are not in it. */
  readonly bytes: number;
  readonly spans: number;
  /** Attributes given to `startSpan`. */
  readonly startAttributes: number;
  /** Calls of `setAttribute` and `setAttributes`, and the attributes that they set. */
  readonly attributeCalls: number;
  readonly lateAttributes: number;
  /** Runs of the context manager's `with`. */
  readonly contextRuns: number;
  /** Listeners on the request and the response that the bare server has not. */
  readonly listeners: number;
}

const [scenario] = process.argv.slice(2) as ['sampled' | 'unsampled' | 'no-sdk'];
const tally = { spans: 0, startAttributes: 0, attributeCalls: 0, lateAttributes: 0, contextRuns: 0 };

/** A span that keeps nothing: what an SDK allocates is the SDK's matter. */
class CountedSpan implements Span {
  readonly #context: SpanContext;
  constructor(spanContext: SpanContext) {
    this.#context = spanContext;
  }
  spanContext = () => this.#context;
  isRecording = () => (this.#context.traceFlags & TraceFlags.SAMPLED) !== 0;
  setAttribute(): this {
    tally.attributeCalls++;
    tally.lateAttributes++;
    return this;
  }
  setAttributes(attributes: Attributes): this {
    tally.attributeCalls++;
    for (const _name in attributes) tally.lateAttributes++;
    return this;
  }
  addEvent = () => this;
  addLink = () => this;
  addLinks = () => this;
  setStatus = () => this;
  updateName = () => this;
  end() {}
  recordException() {}
}

const tracer: Tracer = {
  startSpan(_name: string, options: SpanOptions = {}, parent: Context = context.active()) {
    tally.spans++;
    // As an SDK does, which skips names without a value.
    for (const name in options.attributes)
      if (options.attributes[name] !== undefined) tally.startAttributes++;
    const { traceId = '', traceFlags = 0, traceState } = trace.getSpanContext(parent) ?? {};
    return new CountedSpan({
      traceId,
      spanId: '00f067aa0ba902b7',
      traceFlags,
      ...(traceState && { traceState }),
    });
  },
  startActiveSpan() {
    throw new Error('not used');
  },
};

class CountingManager extends AsyncLocalStorageContextManager implements ContextManager {
  override with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    tally.contextRuns++;
    return super.with(active, fn, thisArg, ...args);
  }
}

if (scenario !== 'no-sdk') {
  context.setGlobalContextManager(new CountingManager().enable());
  propagation.setGlobalPropagator(createPropagator());
  trace.setGlobalTracerProvider({ getTracer: () => tracer });
}

type Listener = (req: IncomingMessage, res: ServerResponse) => void;

let listeners = 0;
const handler: Listener = (req, res) => {
  exchangeOf(req)?.setRoute('/items/:id');
  listeners = listenersOf(req) + listenersOf(res);
  // What a service does: it reads the body, and some middleware waits for the end of the response.
  req.on('data', () => {});
  req.on('end', () => {
    res.on('finish', () => {});
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': 2 });
    res.end('{}');
  });
};

function listenersOf(emitter: EventEmitter): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);
}

const flags = scenario === 'sampled' ? '01' : '00';
const headers = {
  host: 'shop.example:8080',
  'user-agent': 'guard',
  accept: 'application/json',
  traceparent: `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`,
  tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
  baggage: 'key0=value0,key1=value1,key2=value2',
};

/** Kept alive: what is kept for a connection is no cost of its requests. */
const connection = new Socket();

/** Node's own request and response over a socket that swallows what is written, driven by hand: nothing else runs. */
function serve(listener: Listener): void {
  const req = new IncomingMessage(connection);
  req.method = 'GET';
  req.url = '/items/42?color=blue';
  req.httpVersion = '1.1';
  req.httpVersionMajor = 1;
  req.httpVersionMinor = 1;
  req.headers = { ...headers };
  const res = new ServerResponse(req);
  const socket = new Writable({ write: (_chunk, _encoding, done) => done() });
  res.assignSocket(Object.assign(socket, { setTimeout() {} }) as unknown as Socket);
  listener(req, res);
  req.emit('end');
  req.emit('close');
  res.emit('finish');
  res.detachSocket(socket as unknown as Socket);
  res.emit('close');
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Between two collections, with a young generation that holds it all: what was allocated is what is there. */
async function bytesOf(listener: Listener, count: number): Promise<number> {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let done = 0; done < count; done++) serve(listener);
  const after = process.memoryUsage().heapUsed;
  await settle();
  return (after - before) / count;
}

const traced = traceListener(handler);
for (let turn = 0; turn < 5; turn++) {
  await bytesOf(handler, 200);
  await bytesOf(traced, 200);
}
const differences: number[] = [];
for (let turn = 0; turn < 9; turn++)
  differences.push(-(await bytesOf(handler, 500)) + (await bytesOf(traced, 500)));
differences.sort((a, b) => a - b);

serve(handler);
const bare = listeners;
for (const key of Object.keys(tally) as (keyof typeof tally)[]) tally[key] = 0;
serve(traced);
const counts: Counts = {
  bytes: Math.round(differences[4] ?? Number.NaN),
  ...tally,
  listeners: listeners - bare,
};
console.log(JSON.stringify(counts));
process.exit();
