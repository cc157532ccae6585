import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { lackOf } from '../kit/conformance-case.ts';
import { createConnections } from '../kit/connections.ts';
import { within } from '../kit/deadline.ts';
import { runStagedCase, type Scene } from '../kit/run-staged-case.ts';
import type { CaseWorld } from '../kit/staged-case.ts';
import type { RpcCase, RpcWorld, Sighting } from './rpc-case.ts';
import type { RpcBothTraceOptions, RpcConformanceOptions } from './rpc-conformance-options.ts';
import { RPC_KINDS, type RpcHandler } from './rpc-under-test.ts';

/** Runs one case against a client and a server of its own. */
export function runRpcCase(one: RpcCase, options: RpcConformanceOptions): Promise<void> {
  return runStagedCase(one, options, (base) => createScene(one, options, base));
}

const echo: RpcHandler = async function* echo({ messages }) {
  for await (const message of messages) yield message;
};

function createScene(one: RpcCase, options: RpcConformanceOptions, base: CaseWorld): Scene<RpcWorld> {
  let handler = echo;
  const { connect, first, closeAll } = createConnections({
    connect: ({ server = {}, client = {} }: RpcBothTraceOptions) =>
      options.connect({ server, client, handler: (call) => handler(call) }),
  });
  const sightings: Sighting[] = [];
  const world: RpcWorld = {
    ...base,
    options,
    kinds: RPC_KINDS.filter((kind) => kind !== 'bidi' || lackOf(options.capabilities, 'bidi') === undefined),
    get rpc() {
      return first();
    },
    connect,
    handle(given) {
      handler = given;
    },
    call: (kind, more) =>
      within(first().call({ kind, messages: ['a'], ...more }), () => `the end of a call of kind ${kind}`),
    client: () => base.spans.take(({ kind }) => kind === SpanKind.CLIENT),
    server: () => base.spans.take(({ kind }) => kind === SpanKind.SERVER),
    see(place) {
      const tenant = propagation.getActiveBaggage()?.getEntry('tenant')?.value;
      sightings.push({ place, span: trace.getSpanContext(context.active()), tenant });
    },
    sightings,
  };
  return {
    world,
    async open() {
      await connect(one.traceOptions?.(world) ?? {});
    },
    close: closeAll,
    assertClean() {},
  };
}
