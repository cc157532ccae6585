import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Framework } from './combinations.ts';
import type { Peer } from './peers.ts';

/** What is compared of a span, whoever made it. */
export interface SeenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string | undefined;
  readonly name: string;
  readonly server: boolean;
}

/** What a service made of one request: the `traceparent` lines of each call. */
export type SentCalls = ReadonlyMap<string, readonly string[]>;

/** What a service made of two requests. */
export interface Observation {
  readonly spans: readonly SeenSpan[];
  readonly begun: SentCalls;
  readonly continued: SentCalls;
  /** What the self-checks found. */
  readonly codes: readonly string[];
}

export const CALLER = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };

/** Milliseconds for one service, on a busy machine. */
const LIMIT = 60_000;

/** Starts a service of one framework beside `peer` and sends it two requests, of which the second continues a trace. */
export async function observe(peer: Peer, framework: Framework, folder: string): Promise<Observation> {
  const calls = new Map<string, string[]>();
  const exported: SeenSpan[] = [];
  const origin = createServer(async (req, res) => {
    const body = await req.setEncoding('utf8').reduce((text: string, chunk: string) => text + chunk, '');
    if (req.url === '/v1/traces') exported.push(...spansOf(body));
    else calls.set(decodeURIComponent((req.url ?? '').slice(1)), traceparentsOf(req.rawHeaders));
    res.end('{}');
  });
  const url = `http://127.0.0.1:${await listen(origin)}`;
  const child = fork(join(folder, 'service.mjs'), {
    cwd: folder,
    execArgv: [...peer.flags],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: {
      PATH: process.env.PATH,
      ...peer.env,
      FRAMEWORK: framework,
      ORIGIN: url,
      OTEL_SERVICE_NAME: 'coexistence',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    },
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the service ended with ${code}: ${stderr}`);
  });
  const tooLate = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`the service did not answer: ${stderr}`)), LIMIT).unref();
  });
  const answer = async () => (await Promise.race([once(child, 'message'), ended, tooLate]))[0];
  try {
    const { port } = await answer();
    await Promise.race([get(port), tooLate]);
    const begun = new Map(calls);
    calls.clear();
    await Promise.race([get(port, `00-${CALLER.traceId}-${CALLER.spanId}-01`), tooLate]);
    const continued = new Map(calls);
    child.send('what was it?');
    const { spans, codes } = await answer();
    return { spans: [...exported, ...spans], begun, continued, codes };
  } finally {
    for (const outcome of [ended, tooLate]) outcome.catch(() => {});
    // Not by SIGTERM: some tracers end what they send first, and never the process.
    child.kill('SIGKILL');
    origin.closeAllConnections();
    origin.close();
  }
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A request that nothing instruments: bytes on a socket. */
async function get(port: number, traceparent?: string): Promise<void> {
  const socket = net.connect(port, '127.0.0.1').setEncoding('utf8');
  const header = traceparent === undefined ? '' : `traceparent: ${traceparent}\r\n`;
  socket.write(`GET /items/1?q=1 HTTP/1.1\r\nhost: a.test\r\n${header}connection: close\r\n\r\n`);
  const text = await socket.reduce((all: string, chunk: string) => all + chunk, '');
  if (!text.startsWith('HTTP/1.1 200')) throw new Error(`the service answered ${text}`);
}

function traceparentsOf(raw: readonly string[]): string[] {
  return raw.filter((_, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === 'traceparent');
}

interface OtlpTraces {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<SeenSpan, 'server'> & { readonly kind: number })[];
    }[];
  }[];
}

/** The spans of an OTLP request in JSON. */
function spansOf(body: string): SeenSpan[] {
  const { resourceSpans } = JSON.parse(body) as OtlpTraces;
  return resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
    .map(({ traceId, spanId, parentSpanId, name, kind }) => ({
      traceId,
      spanId,
      // OTLP's kinds begin with one that is not specified.
      parentSpanId: parentSpanId || undefined,
      name,
      server: kind === 2,
    }));
}
