import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { activeContext, injectContext, runInContext } from '@throughline/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Recorder, startSdk, stopSdk, within } from './sdk.ts';
import { tracedAll } from './transport/database-client.ts';
import { traceUnary } from './transport/unary-server.ts';

const CONTRIBUTING = readFileSync(join(import.meta.dirname, '../../../CONTRIBUTING.md'), 'utf8');

/** The function of an example, without imports and comments. */
function shown(file: string): string {
  const code = readFileSync(join(import.meta.dirname, 'transport', file), 'utf8');
  return code.slice(code.indexOf('export function')).trim();
}

test.each(['unary-server.ts', 'database-client.ts'])('CONTRIBUTING shows %s as it is tested', (file) => {
  expect(CONTRIBUTING).toContain(shown(file));
});

let recorder: Recorder;
beforeEach(() => {
  recorder = startSdk();
});
afterEach(stopSdk);

describe('a unary server of gRPC, built from the seam', () => {
  const text = {
    serialize: (value: string) => Buffer.from(value),
    deserialize: (bytes: Buffer) => `${bytes}`,
  };
  const method = {
    path: '/shop.Stock/Get',
    requestStream: false,
    responseStream: false,
    requestSerialize: text.serialize,
    requestDeserialize: text.deserialize,
    responseSerialize: text.serialize,
    responseDeserialize: text.deserialize,
  };

  async function called(sku: string) {
    const server = new Server();
    const seen: { active?: string | undefined } = {};
    server.addService({ get: method } as ServiceDefinition, {
      get: traceUnary<string, string>('shop.Stock/Get', (call, callback) => {
        seen.active = trace.getSpanContext(activeContext())?.spanId;
        if (call.request === 'none') callback(new RangeError('no such thing'));
        else callback(null, `7 of ${call.request}`);
      }),
    });
    const listen = promisify(server.bindAsync.bind(server));
    const port = await listen('127.0.0.1:0', ServerCredentials.createInsecure());
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    const caller = trace.getTracer('application').startSpan('caller');
    try {
      const answer = new Promise<string | undefined>((resolve, reject) =>
        client.makeUnaryRequest(
          method.path,
          text.serialize,
          text.deserialize,
          sku,
          runInContext(trace.setSpan(context.active(), caller), () => injectContext(new Metadata())),
          (error, value) => (error ? reject(error) : resolve(value)),
        ),
      );
      return { answer: await within(answer, 'the answer').catch((error: Error) => error), caller, seen };
    } finally {
      caller.end();
      client.close();
      server.forceShutdown();
    }
  }

  test('continues the trace of the caller, and is active in the handler', async () => {
    const { answer, caller, seen } = await called('A-1');
    expect(answer).toBe('7 of A-1');
    const span = (await recorder.take(2)).find(({ kind }) => kind === SpanKind.SERVER);
    expect(span?.parentSpanContext?.spanId).toBe(caller.spanContext().spanId);
    expect(span?.spanContext()).toMatchObject({ traceId: caller.spanContext().traceId, spanId: seen.active });
    expect(span?.name).toBe('shop.Stock/Get');
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
  });

  test('records what the handler answers with', async () => {
    const { answer } = await called('none');
    expect(answer).toBeInstanceOf(Error);
    const span = (await recorder.take(2)).find(({ kind }) => kind === SpanKind.SERVER);
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span?.attributes['error.type']).toBe('RangeError');
    expect(span?.events[0]?.attributes?.['exception.message']).toBe('no such thing');
  });
});

// Node has it since 22.5.
const sqlite = process.getBuiltinModule('node:sqlite');

describe.skipIf(sqlite === undefined)(
  `a database client, built from the seam${sqlite === undefined ? ' [skipped: this Node has no node:sqlite]' : ''}`,
  () => {
    test('asks in one CLIENT span, below what is active', async () => {
      const database = new sqlite.DatabaseSync(':memory:');
      database.exec("create table stock (sku text, count integer); insert into stock values ('A-1', 7)");
      const caller = trace.getTracer('application').startSpan('caller');
      const rows = runInContext(trace.setSpan(context.active(), caller), () =>
        tracedAll(database, 'SELECT count FROM stock WHERE sku = ?', 'A-1'),
      );
      caller.end();
      expect(rows).toMatchObject([{ count: 7 }]);
      const [query] = await recorder.take(2);
      expect(query).toMatchObject({ name: 'SELECT', kind: SpanKind.CLIENT });
      expect(query?.parentSpanContext?.spanId).toBe(caller.spanContext().spanId);
    });

    test('records a query that fails, and throws what it throws', async () => {
      const database = new sqlite.DatabaseSync(':memory:');
      expect(() => tracedAll(database, 'SELECT count FROM nowhere')).toThrow(/no such table/);
      const [query] = await recorder.take(1);
      expect(query?.status.code).toBe(SpanStatusCode.ERROR);
      expect(query?.attributes['error.type']).toBe('ERR_SQLITE_ERROR');
    });
  },
);
