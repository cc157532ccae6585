import assert from 'node:assert/strict';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { within } from '../kit/deadline.ts';
import { withResolvers } from '../kit/gate.ts';
import { runStagedCase, type Scene } from '../kit/run-staged-case.ts';
import type { CaseWorld } from '../kit/staged-case.ts';
import type { Seen, SocketCase, SocketWorld } from './socket-case.ts';
import type { SocketConformanceOptions } from './socket-conformance-options.ts';
import type { SocketListeners, SocketSide, SocketsUnderTest } from './sockets-under-test.ts';

/** Runs one case against a server and clients of its own. */
export function runSocketCase(one: SocketCase, options: SocketConformanceOptions): Promise<void> {
  return runStagedCase(one, options, (base) => createScene(one, options, base));
}

function createScene(
  one: SocketCase,
  options: SocketConformanceOptions,
  base: CaseWorld,
): Scene<SocketWorld> {
  const inboxes = { connected: inbox(), served: inbox(), closed: inbox(), answered: inbox() };
  const listeners: { -readonly [Event in keyof SocketListeners]?: SocketListeners[Event] } = {};
  let sockets: SocketsUnderTest | undefined;

  const note = (event: keyof typeof inboxes, body: string, side?: SocketSide) => {
    const first = trace.getSpanContext(context.active());
    const later = async () => {
      await new Promise((next) => setImmediate(next));
      await new Promise((next) => setTimeout(next, 1));
      const last = trace.getSpanContext(context.active());
      const tenant = propagation.getActiveBaggage()?.getEntry('tenant')?.value;
      inboxes[event].put({ body, side, first, last, tenant });
    };
    return later();
  };
  const noting: SocketListeners = {
    connected(side) {
      note('connected', 'connected', side);
      listeners.connected?.(side);
    },
    async served(body, side) {
      await note('served', body, side);
      return listeners.served?.(body, side);
    },
    closed() {
      note('closed', 'closed');
      listeners.closed?.();
    },
    async answered(body) {
      await note('answered', body);
      return listeners.answered?.(body);
    },
  };

  const world: SocketWorld = {
    ...base,
    options,
    listeners,
    get sockets() {
      assert.ok(sockets, 'the sockets were made');
      return sockets;
    },
    seen: (event) => inboxes[event].take(`the listener for '${event}'`),
    answer: () => inboxes.answered.take("the client's listener"),
    handshake: () => base.spans.take(({ kind }) => kind === SpanKind.SERVER),
    message: (type) => base.spans.take(({ attributes }) => attributes['messaging.operation.type'] === type),
    async clientHandshake() {
      if (options.capabilities?.clientSpan !== undefined && options.capabilities.clientSpan !== true)
        return undefined;
      return base.spans.take(({ kind, attributes }) => kind === SpanKind.CLIENT && 'url.full' in attributes);
    },
  };
  return {
    world,
    async open() {
      sockets = await options.open(one.traceOptions?.(world) ?? {}, noting);
    },
    async close() {
      await sockets?.close?.();
    },
    assertClean() {
      const left = [...inboxes.served.all(), ...inboxes.answered.all()].map(({ body }) => body);
      assert.deepEqual(left, [], 'messages delivered that no assertion took: a listener ran more than once');
    },
  };
}

function inbox() {
  const seen: Seen[] = [];
  let arrived = withResolvers<void>();
  return {
    all: () => seen,
    put(one: Seen) {
      seen.push(one);
      arrived.resolve();
      arrived = withResolvers();
    },
    async take(what: string): Promise<Seen> {
      while (seen.length === 0) await within(arrived.promise, () => what);
      return seen.shift() as Seen;
    },
  };
}
