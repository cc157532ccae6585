import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { runInContext } from '@throughline/core';
import { createPropagator } from '@throughline/propagators';
import { type ReceivedFrame, readFrames, writeFrames } from '@throughline/stream';
import { expect, test } from 'vitest';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const propagator = createPropagator('tracecontext,baggage');

const reason =
  spawnSync('python3', ['--version']).error === undefined ? undefined : 'there is no python3 to run the peer';
if (reason !== undefined) console.log(`skipped: frames to Python and back (${reason})`);

test.skipIf(reason !== undefined && process.env.REQUIRE_BACKENDS !== '1')(
  'frames to Python and back are in one trace, with tracestate and baggage',
  async () => {
    const peer = spawn('python3', [join(import.meta.dirname, 'peer.py')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [port] = await once(peer.stdout, 'data');
    const socket = connect(Number(port), '127.0.0.1');
    const writer = writeFrames({ propagator });
    writer.pipe(socket);
    for (const [flags, data] of [
      ['01', 'Zoë'],
      ['00', ''],
    ] as const) {
      const fields: Record<string, string> = {
        traceparent: `00-${TRACE_ID}-b7ad6b7169203331-${flags}`,
        tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
        baggage: 'tenant=acme,city=K%C3%B6ln',
      };
      const context = propagator.extract(ROOT_CONTEXT, fields, {
        get: (carrier, name) => carrier[name],
        keys: Object.keys,
      });
      runInContext(context, () => writer.write(data));
    }
    const answers: ReceivedFrame[] = [];
    for await (const frame of socket.pipe(readFrames({ propagator }))) {
      answers.push(frame);
      if (answers.length === 2) writer.end();
    }
    const read = answers.map(({ context, data }) => {
      const { traceId, spanId, traceFlags, traceState } = trace.getSpanContext(context) ?? {};
      const entries = propagation.getBaggage(context)?.getAllEntries() ?? [];
      expect(spanId).not.toBe('b7ad6b7169203331');
      return {
        traceId,
        traceFlags,
        traceState: traceState?.serialize(),
        baggage: entries.map(([name, { value }]) => `${name}=${value}`),
        asked: JSON.parse(data.toString()).data,
      };
    });
    const common = {
      traceId: TRACE_ID,
      traceState: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
      baggage: ['tenant=acme', 'city=Köln'],
    };
    expect(read).toEqual([
      { ...common, traceFlags: 1, asked: 'Zoë' },
      { ...common, traceFlags: 0, asked: '' },
    ]);
    if (peer.exitCode === null) await once(peer, 'exit');
    expect(peer.exitCode).toBe(0);
  },
);
