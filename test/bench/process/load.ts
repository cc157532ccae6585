// A closed-loop load generator in a process of its own: keep-alive connections, one request under way on each.
import { connect, type Socket } from 'node:net';

/** A request. Each carries another traceparent, tracestate and baggage. */
export interface RequestPlan {
  readonly path?: string;
  readonly sampled?: boolean;
  readonly sentryTrace?: boolean;
  /** Header fields besides those that every request has. */
  readonly extraHeaders?: number;
  /** Members of the baggage header. */
  readonly baggage?: number;
  /** Replaces a propagation field by this many bytes that are hard to read. */
  readonly hostile?: { readonly field: 'traceparent' | 'tracestate' | 'baggage'; readonly bytes: number };
}

export interface LoadPlan extends RequestPlan {
  readonly port: number;
  readonly connections?: number;
  /** From an answer to the next request on the connection. */
  readonly pauseMs?: number;
}

const DIFFERENT = 512;
let sequence = 0x9e3779b9;

/** Other ids each time, the same in every run. */
function hex(length: number): string {
  let text = '';
  while (text.length < length) {
    sequence = (Math.imul(sequence ^ (sequence >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) >>> 0;
    text += ((sequence | 0x10000000) >>> 0).toString(16);
  }
  return text.slice(0, length);
}

function hostileValue(field: string, bytes: number): string {
  const pattern = field === 'traceparent' ? '00-' : field === 'tracestate' ? 'a=1,,b= ,' : 'k%=v%C3;p;=,, ';
  return pattern.repeat(Math.ceil(bytes / pattern.length)).slice(0, bytes);
}

export function requestBytes(plan: RequestPlan): Buffer {
  const { path = '/items/42?color=blue', sampled = true, baggage = 3, extraHeaders = 0, hostile } = plan;
  const traceId = hex(32);
  const spanId = hex(16);
  const fields: Record<string, string> = {
    host: 'shop.example:8080',
    'user-agent': 'throughline-bench/1.0',
    accept: 'application/json',
    traceparent: `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`,
    tracestate: `rojo=${hex(16)},congo=t61rcWkgMzE`,
  };
  if (baggage > 0) fields.baggage = Array.from({ length: baggage }, (_, n) => `key${n}=${hex(12)}`).join(',');
  if (plan.sentryTrace === true) fields['sentry-trace'] = `${traceId}-${spanId}-${sampled ? 1 : 0}`;
  for (let n = 0; n < extraHeaders; n++) fields[`x-header-${n}`] = `value ${n}`;
  if (hostile !== undefined) fields[hostile.field] = hostileValue(hostile.field, hostile.bytes);
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
}

let requests: Buffer[] = [];
let running = false;
let turn = 0;
let failures = 0;
/** In ms, since they were last asked for. */
const latencies: number[] = [];
const MOST_LATENCIES = 100_000;
const sockets = new Set<Socket>();

function open({ port, pauseMs }: LoadPlan): void {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  sockets.add(socket);
  let head = '';
  let missing = -1;
  let sent = 0;
  const send = () => {
    sent = performance.now();
    socket.write(requests[turn++ % requests.length] as Buffer);
  };
  socket.once('connect', send);
  socket.on('data', (chunk: Buffer) => {
    if (missing < 0) {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      const length = /\r\ncontent-length: (\d+)/i.exec(head.slice(0, end + 2))?.[1];
      if (!head.startsWith('HTTP/1.1 200')) failures++;
      missing = Number(length ?? 0) - (head.length - end - 4);
    } else missing -= chunk.length;
    if (missing > 0) return;
    head = '';
    missing = -1;
    if (latencies.push(performance.now() - sent) > MOST_LATENCIES) latencies.length = 0;
    if (!running) socket.end();
    else if (pauseMs === undefined) send();
    else setTimeout(send, pauseMs);
  });
  socket.on('error', () => failures++);
  socket.once('close', () => sockets.delete(socket));
}

const commands: { [name: string]: (argument: never) => unknown } = {
  start(plan: LoadPlan) {
    running = true;
    requests = Array.from({ length: DIFFERENT }, () => requestBytes(plan));
    for (let n = 0; n < (plan.connections ?? 8); n++) open(plan);
  },
  change(plan: LoadPlan) {
    requests = Array.from({ length: DIFFERENT }, () => requestBytes(plan));
  },
  latency() {
    const sorted = latencies.splice(0).sort((a, b) => a - b);
    return { median: sorted[sorted.length >> 1], p99: sorted[Math.floor(sorted.length * 0.99)] };
  },
  async stop() {
    running = false;
    while (sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    return { failures };
  },
};

if (process.send !== undefined) {
  process.on(
    'message',
    async ({ id, command, argument }: { id: number; command: string; argument: never }) => {
      process.send?.({ id, answer: await commands[command]?.(argument) });
    },
  );
  process.on('disconnect', () => process.exit());
  process.send({ ready: 0 });
}
