import assert from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import { createConnections } from '../kit/connections.ts';
import { within } from '../kit/deadline.ts';
import { startOriginServer } from '../kit/origin-server.ts';
import { runStagedCase } from '../kit/run-staged-case.ts';
import type { HttpClientCase, HttpClientWorld } from './http-client-case.ts';
import type { HttpClientConformanceOptions } from './http-client-conformance-options.ts';

/** Runs one case against a client of its own and two servers to call. */
export async function runHttpClientCase(
  one: HttpClientCase,
  options: HttpClientConformanceOptions,
): Promise<void> {
  const origin = await startOriginServer();
  const elsewhere = await startOriginServer();
  const { spans: traced = true } = options.capabilities ?? {};
  const { connect, first, closeAll } = createConnections(options);
  try {
    await runStagedCase(one, options, (base) => {
      const clientSpan = () => base.spans.take(({ kind }) => kind === SpanKind.CLIENT);
      const world: HttpClientWorld = {
        ...base,
        options,
        origin,
        elsewhere,
        traced: traced === true,
        get client() {
          return first();
        },
        get fetch() {
          assert.ok(world.client.fetch, 'the client has no fetch');
          return world.client.fetch;
        },
        connect,
        call: (path, request) =>
          within(world.client.request(`${origin.url}${path}`, request), () => 'the response'),
        async read(path, request) {
          return (await world.call(path, request)).text();
        },
        clientSpan,
        clientSpanIfTraced: async () => (traced === true ? clientSpan() : undefined),
      };
      return {
        world,
        async open() {
          await connect(one.traceOptions?.(world) ?? {});
        },
        close: closeAll,
        assertClean() {},
      };
    });
  } finally {
    await origin.close();
    await elsewhere.close();
  }
}
