import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { buildTraces, type Trace, type TraceSpan } from '@throughline/trace-tree';
import { readTraceExport } from './received-span.ts';

/** Options of {@link startTraceReceiver}. */
export interface TraceReceiverOptions {
  /** @default 0, a free port */
  readonly port?: number;
  /** The largest export request that is accepted, in bytes, before and after decompression. @default 4 MiB */
  readonly maxBodyBytes?: number;
  /** The number of spans kept. Beyond it, the oldest trace is forgotten. @default 20 000 */
  readonly maxSpans?: number;
  /** Called each time a trace has settled, and again if more of its spans arrive later. Absent: not reported. */
  readonly onSettled?: (trace: Trace) => void;
}

/** A receiver that runs. */
export interface TraceReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`: `http://127.0.0.1:4318`. */
  readonly url: string;
  /** All traces held, oldest first, settled or not. */
  traces(): Trace[];
  /** Returns whether no span of the trace has arrived for a while. */
  isSettled(traceId: string): boolean;
  /**
   * Resolves with the first result of `pick` that is not undefined. `pick` is called after every export and whenever a
   * trace settles. Rejects if there is none within `deadline` milliseconds.
   */
  waitFor<T>(pick: (traces: readonly Trace[]) => T | undefined, deadline?: number): Promise<T>;
  close(): Promise<void>;
}

/**
 * In milliseconds: how long no span of a trace may arrive until it has settled. A trace with one top span whose calls are
 * all continued seems complete, because services export spans in the order in which they end. Others may still be
 * waiting for another process's next export.
 */
const QUIET_WHEN_COMPLETE = 150;
const QUIET_OTHERWISE = 600;

const MIB = 1024 * 1024;
const inflate = promisify(gunzip);

/**
 * Starts an OTLP/HTTP receiver for JSON traces on the loopback interface.
 *
 * It answers as the protocol demands: 200 with a partial success if single spans were unusable, 400 for what is not
 * an export request, 413 beyond the size limit, 415 for protobuf.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 * @example
 * const receiver = await startTraceReceiver();
 * const trace = await receiver.waitFor((traces) => traces.find((trace) => trace.services.includes('orders')));
 */
export async function startTraceReceiver(options: TraceReceiverOptions = {}): Promise<TraceReceiver> {
  const { port = 0, maxBodyBytes = 4 * MIB, maxSpans = 20_000, onSettled } = options;
  const held = new Map<string, { spans: Map<string, TraceSpan>; timer?: NodeJS.Timeout; settled: boolean }>();
  const watchers = new Set<() => void>();
  let spanCount = 0;

  function keep(span: TraceSpan) {
    let trace = held.get(span.traceId);
    if (!trace) {
      trace = { spans: new Map(), settled: false };
      held.set(span.traceId, trace);
    }
    // An exporter that got no answer sends the same spans again.
    if (!trace.spans.has(span.spanId)) spanCount++;
    trace.spans.set(span.spanId, span);
  }

  function evict() {
    for (const [traceId, trace] of held) {
      if (spanCount <= maxSpans) return;
      clearTimeout(trace.timer);
      held.delete(traceId);
      spanCount -= trace.spans.size;
    }
  }

  function awaitQuiet(traceId: string) {
    const entry = held.get(traceId);
    if (!entry) return;
    clearTimeout(entry.timer);
    entry.settled = false;
    const [trace] = buildTraces(entry.spans.values());
    if (!trace) return;
    const complete = trace.tops.length === 1 && trace.rows.every((row) => !row.uncontinued);
    entry.timer = setTimeout(
      () => {
        entry.settled = true;
        onSettled?.(trace);
        tellWatchers();
      },
      complete ? QUIET_WHEN_COMPLETE : QUIET_OTHERWISE,
    );
    entry.timer.unref();
  }

  function accept(spans: readonly TraceSpan[]) {
    for (const span of spans) keep(span);
    evict();
    for (const traceId of new Set(spans.map((span) => span.traceId))) awaitQuiet(traceId);
    tellWatchers();
  }

  function tellWatchers() {
    for (const watcher of [...watchers]) watcher();
  }

  const server = createServer((req, res) => {
    receiveExport(req, maxBodyBytes).then(
      ({ spans, rejected }) => {
        accept(spans);
        const errorMessage = 'spans need valid ids and times';
        reply(
          res,
          200,
          rejected > 0 ? { partialSuccess: { rejectedSpans: String(rejected), errorMessage } } : {},
        );
      },
      (error: unknown) => {
        const refusal =
          error instanceof Refusal ? error : new Refusal(500, 'the export could not be handled');
        reply(res, refusal.status, { message: refusal.message });
        // The rest of a refused body is read and dropped, so that the connection can carry the next export.
        req.resume();
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });

  const traces = () => buildTraces([...held.values()].flatMap((trace) => [...trace.spans.values()]));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    traces,
    isSettled: (traceId) => held.get(traceId)?.settled ?? false,
    waitFor(pick, deadline = 5_000) {
      return new Promise((resolve, reject) => {
        const look = () => {
          const found = pick(traces());
          if (found !== undefined) done(() => resolve(found));
        };
        const timer = setTimeout(() => {
          const seen = traces().map((trace) => `${trace.traceId} from ${trace.services.join(', ')}`);
          done(() =>
            reject(new Error(`not received within ${deadline} ms; held: ${seen.join('; ') || 'nothing'}`)),
          );
        }, deadline);
        const done = (settle: () => void) => {
          clearTimeout(timer);
          watchers.delete(look);
          settle();
        };
        watchers.add(look);
        look();
      });
    },
    close() {
      for (const trace of held.values()) clearTimeout(trace.timer);
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** The reason for which a request is refused, with its status. */
class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function receiveExport(req: IncomingMessage, maxBodyBytes: number) {
  if (req.url?.split('?')[0] !== '/v1/traces') throw new Refusal(404, 'traces are received at /v1/traces');
  if (req.method !== 'POST') throw new Refusal(405, 'traces are received by POST');
  const type = req.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new Refusal(415, 'only application/json is received: set OTEL_EXPORTER_OTLP_PROTOCOL=http/json');
  }
  const body = await readBody(req, maxBodyBytes);
  try {
    return readTraceExport(JSON.parse(body.toString('utf8')));
  } catch (error) {
    throw new Refusal(
      400,
      `not an OTLP/JSON trace export: ${error instanceof Error ? error.message : error}`,
    );
  }
}

async function readBody(req: IncomingMessage, maxBodyBytes: number): Promise<Buffer> {
  const tooLarge = () => new Refusal(413, `an export request is limited to ${maxBodyBytes} bytes`);
  if (Number(req.headers['content-length'] ?? 0) > maxBodyBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  const encoding = req.headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (encoding === 'identity') return body;
  if (encoding !== 'gzip') throw new Refusal(415, 'only gzip or no content encoding is received');
  try {
    return await inflate(body, { maxOutputLength: maxBodyBytes });
  } catch (error) {
    const large = error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    throw large ? tooLarge() : new Refusal(400, 'the body is not valid gzip');
  }
}

function reply(res: ServerResponse, status: number, body: object) {
  if (status === 405) res.setHeader('allow', 'POST');
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
