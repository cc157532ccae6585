import assert from 'node:assert/strict';
import type { RawAnswer, RawServers } from './raw-servers.ts';

/** The classes that go with one fetch: Node's own, or those of a package. */
export interface Platform {
  readonly fetch: typeof fetch;
  readonly Request: typeof Request;
  readonly Headers: typeof Headers;
  readonly FormData: typeof FormData;
}

/** What a case is made from, anew for each of the two calls. */
export interface Ingredients extends Platform {
  readonly here: string;
  readonly there: string;
  /** Notes something that happens to what was passed in, to be compared too. */
  note(text: string): void;
}

/** One call, to be made by the bare fetch and by the traced one. */
export interface DifferentialCase {
  readonly title: string;
  /** Arguments of the call. */
  args(from: Ingredients): readonly unknown[];
  answers?(from: Pick<Ingredients, 'here' | 'there'>): readonly RawAnswer[];
  /** When a request arrives. */
  onRequest?(count: number): void;
}

/** What of two calls is compared. */
export interface Detail {
  outcome(outcome: Outcome): unknown;
  bytes(received: string): string;
}

interface Outcome {
  readonly settled: unknown;
  readonly used: unknown;
  readonly notes: readonly string[];
}

const EXACT: Detail = { outcome: (outcome) => outcome, bytes: (received) => received };

/** Leaves out the order and letter case of fields, what clones say, the causes of errors and the order of reads. */
export const LOOSE: Detail = {
  outcome({ settled, used, notes }) {
    const { clone: _, cause: __, ...others } = Object(settled);
    return { settled: others, used, notes: [...notes].sort() };
  },
  bytes(received) {
    const [head = '', ...body] = received.split('\r\n\r\n');
    const [origin, request, ...fields] = head.split('\r\n');
    const lines = fields.map((field) => field.replace(/^[^:]*/, (name) => name.toLowerCase())).sort();
    return [[origin, request, ...lines].join('\r\n'), ...body].join('\r\n\r\n');
  },
};

const OURS = /^(traceparent|tracestate|baggage): .*\r\n/gim;
/** The fetch of Node 20 and 22 never answers some calls, such as no-cors redirects to another origin. */
const HANGS = 3_000;
const BOUNDARY = /formdata-undici-\d+/g;

/** Makes the call of `one` twice and fails where outcome, bytes on the wire or traces on the arguments differ. */
export async function compare(
  one: DifferentialCase,
  platform: Platform,
  traced: typeof fetch,
  servers: RawServers,
  detail: Detail = EXACT,
): Promise<{ readonly requests: number; readonly hangs: boolean }> {
  const bare = await settle(one, platform, platform.fetch, servers);
  const ours = await settle(one, platform, traced, servers);
  assert.deepEqual(detail.outcome(ours.outcome), detail.outcome(bare.outcome), `${one.title}: the outcome`);
  assert.deepEqual(
    ours.received.map(bytesOf).map(detail.bytes),
    bare.received.map(bytesOf).map(detail.bytes),
    `${one.title}: the bytes`,
  );
  return { requests: ours.received.length, hangs: bare.outcome.settled === 'hangs' };
}

function bytesOf(received: string): string {
  return received.replace(OURS, '').replace(BOUNDARY, 'boundary');
}

async function settle(
  one: DifferentialCase,
  platform: Platform,
  fetch: typeof globalThis.fetch,
  servers: RawServers,
): Promise<{ outcome: Outcome; received: readonly string[] }> {
  const { here, there } = servers;
  const notes: string[] = [];
  const { Request, Headers, FormData } = platform;
  const from = { fetch, Request, Headers, FormData, here, there, note: (text: string) => notes.push(text) };
  const args = one.args(from);
  servers.play(one.answers?.(from) ?? [{ status: 200, body: 'answer' }], one.onRequest?.bind(one));
  let settled: unknown;
  try {
    const call = (fetch as (...all: unknown[]) => Promise<Response>)(...args).then(described);
    settled = await Promise.race([call, new Promise((late) => setTimeout(late, HANGS, 'hangs').unref())]);
  } catch (error) {
    settled = failure(error);
  }
  const used = args[0] instanceof platform.Request && usedOf(args[0]);
  return { outcome: { settled, used, notes }, received: servers.received() };
}

function usedOf(request: Request): unknown {
  try {
    return request.bodyUsed;
  } catch (error) {
    return failure(error);
  }
}

async function described(response: Response): Promise<unknown> {
  const { status, statusText, ok, url, redirected, type } = response;
  const clone = response.clone();
  return {
    class: response.constructor.name,
    ...{ status, statusText, ok, url, redirected, type },
    headers: [...response.headers],
    clone: [clone.status, clone.url, clone.redirected, clone.type],
    body: await response.arrayBuffer().then((bytes) => Buffer.from(bytes).toString('latin1'), failure),
  };
}

/** An error by class, name, message and code, with all its causes; anything else thrown as it is. */
function failure(error: unknown): unknown {
  if (!(error instanceof Error)) return { thrown: error };
  const { name, message, cause } = error;
  const { code, errors } = error as { code?: unknown; errors?: unknown[] };
  return {
    class: error.constructor.name,
    ...{ name, message, code },
    ...('cause' in error && { cause: failure(cause) }),
    ...(Array.isArray(errors) && { errors: errors.map(failure) }),
  };
}
