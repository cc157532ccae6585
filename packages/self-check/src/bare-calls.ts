import { type Context, trace } from '@opentelemetry/api';
import { activeContext } from '@throughline/core';
import {
  channels,
  guarded,
  isIgnoredRequest,
  isTraceHeader,
  isTracingSuppressed,
  passesTraceOn,
  sharedByCopies,
  unregisteredTracer,
} from '@throughline/core/seam';
import { finding, note } from './finding.ts';

/** How many calls of a channel are examined, if none of them is reported. */
const LOOKED_AT = 200;
const MAX_ORIGINS = 100;

/**
 * State that is shared with `traceHeaders()`: where it was called, a call without headers has a reason.
 *
 * @internal Does not follow semantic versioning.
 */
export const bareCalls = sharedByCopies('bareCalls', () => ({
  /** Whether the channels are, or were, listened to: once per process. */
  begun: false,
  /** How many channels are listened to. */
  watching: 0,
  /** Origins for which headers were requested. */
  asked: new Set<string>(),
}));

/**
 * Notes that headers were requested for `url`: a call to its origin was not forgotten.
 *
 * @internal Does not follow semantic versioning.
 */
export function noteAsked(url: URL): void {
  if (bareCalls.asked.size < MAX_ORIGINS) bareCalls.asked.add(url.origin);
}

/** One outgoing request, as the channel of its client shows it. */
interface Call {
  readonly client: string;
  readonly method: string;
  readonly origin: string;
  /** Returns the names of the headers. Called when all listeners of the channel have had the chance to add some. */
  readonly headerNames: () => readonly string[];
}

/** Libraries that call through `node:http`, by their user agent. */
const LIBRARY = /^(axios|got|needle|node-fetch|node-superagent)\b/;

interface UndiciRequest {
  readonly origin?: unknown;
  readonly method?: string;
  /** A flat list, or lines of text until undici 5. */
  readonly headers?: readonly unknown[] | string;
}

interface NodeRequest {
  readonly method?: string;
  readonly protocol?: string;
  getHeader(name: string): unknown;
  getHeaderNames(): string[];
}

type Headers2 = Readonly<Record<string, unknown>>;

const CHANNELS: readonly {
  readonly channel: string;
  /** How many clients use it. */
  readonly clients: number;
  readonly read: (message: never) => Call;
}[] = [
  {
    channel: 'undici:request:create',
    clients: 2,
    read({ request }: { request: UndiciRequest }) {
      const headerNames = () => undiciHeaderNames(request.headers);
      return {
        // Only `fetch` sends it.
        client: headerNames().includes('sec-fetch-mode') ? 'fetch' : 'undici',
        method: request.method ?? 'GET',
        origin: String(request.origin),
        headerNames,
      };
    },
  },
  {
    channel: 'http.client.request.start',
    clients: 1,
    read({ request }: { request: NodeRequest }) {
      const library = LIBRARY.exec(String(request.getHeader('user-agent')))?.[1];
      return {
        client: library === undefined ? 'node:http' : `${library} (node:http)`,
        method: request.method ?? 'GET',
        origin: `${request.protocol}//${request.getHeader('host')}`,
        headerNames: () => request.getHeaderNames(),
      };
    },
  },
  {
    channel: 'http2.client.stream.start',
    clients: 1,
    read({ headers }: { headers: Headers2 }) {
      return {
        client: 'node:http2',
        method: String(headers[':method']),
        origin: `${headers[':scheme']}://${headers[':authority']}`,
        headerNames: () => Object.keys(headers).map((name) => name.toLowerCase()),
      };
    },
  },
];

function undiciHeaderNames(headers: UndiciRequest['headers']): string[] {
  if (typeof headers === 'string')
    return headers.split('\r\n').map((line) => line.split(':', 1).join().toLowerCase());
  return (headers ?? []).flatMap((name, index) => (index % 2 === 0 ? [String(name).toLowerCase()] : []));
}

/**
 * Examines the first calls of clients, and reports those made in a trace that carry no trace headers (TL019).
 *
 * Calls of `tracedFetch` and `traceInterceptor` are seen here, too, in a context in which tracing is suppressed.
 */
export function watchBareCalls(): void {
  if (bareCalls.begun) return;
  bareCalls.begun = true;
  for (const { channel, clients, read } of CHANNELS) watch(channel, clients, read);
}

function watch(channel: string, clients: number, read: (message: never) => Call): void {
  const reported = new Set<string>();
  let looked = 0;
  bareCalls.watching++;
  const stop = () => {
    if (channels?.unsubscribe(channel, look)) bareCalls.watching--;
  };
  const judge = (call: Call) => {
    if (call.headerNames().some(isTraceHeader) || bareCalls.asked.has(call.origin)) return;
    reported.add(call.client);
    note(bareCall(call), call.client);
    if (reported.size >= clients) stop();
  };
  const consider = (message: unknown) => {
    if (++looked >= LOOKED_AT) stop();
    const call = read(message as never);
    if (!reported.has(call.client)) queueMicrotask(() => guarded('a self-check failed', () => judge(call)));
  };
  const look = (message: unknown) => {
    if (isTraced(activeContext())) guarded('a self-check failed', () => consider(message));
  };
  channels?.subscribe(channel, look);
}

/** Returns whether a call made in `active` should be part of a trace. If another tracer is active, its calls are not judged. */
function isTraced(active: Context): boolean {
  return (
    (trace.getSpan(active) !== undefined || passesTraceOn(active)) &&
    !isTracingSuppressed(active) &&
    !isIgnoredRequest(active) &&
    unregisteredTracer() === undefined
  );
}

function bareCall({ client, method, origin }: Call) {
  return finding('TL019', 'warning', {
    fact: `A call by ${client} that was made in a trace carries no trace headers: ${method} ${origin}.`,
    consequence: 'The service that it calls starts a trace of its own.',
    fix:
      REMEDIES[client] ??
      'Wrap its agent in traceAgent(), or pass { headers: traceHeaders(url) } to the call; both are in @throughline/fetch.',
  });
}

const REMEDIES: Readonly<Record<string, string>> = {
  fetch: 'Call tracedFetch(url) of @throughline/fetch instead.',
  undici:
    'Compose its dispatcher with traceInterceptor(), or pass { headers: traceHeaders(url) } to the call; both are in @throughline/fetch.',
  'node:http2': 'Add ...traceHeaders(url) of @throughline/fetch to the headers of the stream.',
};
