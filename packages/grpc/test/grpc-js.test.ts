import {
  Client,
  credentials,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type requestCallback,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { SpanKind, trace } from '@opentelemetry/api';
import { traceClient, traceServer } from '@throughline/grpc/grpc-js';
import { createPropagator } from '@throughline/propagators';
import { assertParent, type SpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startRecording, stopRecording } from '../../../test/conformance/recording.ts';

let spans: SpanCollector;
beforeEach(() => {
  spans = startRecording();
});
afterEach(() => stopRecording(spans));

const toBytes = (text: string) => Buffer.from(text);
const toText = (bytes: Buffer) => `${bytes}`;
const PATH = '/shop.Stock/Get';

/** Makes one call, and returns its status. */
async function call(
  handler: handleUnaryCall<string, string>,
  {
    server: serverInterceptors = [traceServer()],
    client: clientInterceptors = [traceClient()],
    responseSerialize = toBytes,
    metadata = new Metadata(),
  }: {
    server?: ServerInterceptor[];
    client?: ReturnType<typeof traceClient>[];
    responseSerialize?: (value: string) => Buffer;
    metadata?: Metadata;
  } = {},
): Promise<string | undefined> {
  const server = new Server({ interceptors: serverInterceptors });
  const get = {
    path: PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: toText,
    responseSerialize,
    responseDeserialize: toText,
  };
  server.addService({ get } as ServiceDefinition, { get: handler });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const client = new Client(`dns:///localhost:${port}`, credentials.createInsecure(), {
    interceptors: clientInterceptors,
  });
  try {
    return await new Promise((resolve) => {
      const callback: requestCallback<string> = (error) => resolve(status[error?.code ?? status.OK]);
      client.makeUnaryRequest(PATH, toBytes, toText, 'A-1', metadata, callback);
    });
  } finally {
    client.close();
    server.forceShutdown();
  }
}

const client = () => spans.take(({ kind }) => kind === SpanKind.CLIENT);
const server = () => spans.take(({ kind }) => kind === SpanKind.SERVER);
const statusOf = async (span: ReturnType<typeof client>) => (await span).attributes['rpc.status_code'];

test('records the UNKNOWN that the library sends for a handler that throws while it is called', async () => {
  const thrown = await call(() => {
    throw new RangeError('out of stock');
  });
  expect([thrown, await statusOf(client()), await statusOf(server())]).toEqual([
    'UNKNOWN',
    'UNKNOWN',
    'UNKNOWN',
  ]);
});

test('records the INTERNAL that the library sends for a response that cannot be written', async () => {
  const answered = await call((_, callback) => callback(null, 'seven'), {
    responseSerialize: () => {
      throw new TypeError('not a message');
    },
  });
  expect([answered, await statusOf(client()), await statusOf(server())]).toEqual([
    'INTERNAL',
    'INTERNAL',
    'INTERNAL',
  ]);
});

test('takes the server from the target of the channel, and the peer from its connection', async () => {
  await call((_, callback) => callback(null, 'seven'));
  const { attributes } = await client();
  expect(attributes).toMatchObject({
    'server.address': 'localhost',
    'server.port': attributes['network.peer.port'],
  });
  expect(attributes['network.peer.address']).toMatch(/^(127\.0\.0\.1|::1)$/);
  await server();
});

describe('reads a target', () => {
  test.each([
    ['stock:50051', 'stock', 50_051],
    ['stock.internal', 'stock.internal', undefined],
    ['dns:///stock.internal:443', 'stock.internal', 443],
    ['dns://8.8.8.8/stock.internal:443', 'stock.internal', 443],
    ['dns:stock:1', 'stock', 1],
    ['ipv4:10.0.0.7:50051', '10.0.0.7', 50_051],
    ['ipv6:[::1]:50051', '::1', 50_051],
    ['ipv6:%5B::1%5D:50051', 'ipv6:%5B::1%5D:50051', undefined],
    ['[2001:db8::7]:50051', '2001:db8::7', 50_051],
    ['2001:db8::7', '2001:db8::7', undefined],
    ['unix:/run/stock.sock', '/run/stock.sock', undefined],
    ['unix:///run/stock.sock', '/run/stock.sock', undefined],
    ['ipv4:10.0.0.7:1,10.0.0.8:1', 'ipv4:10.0.0.7:1,10.0.0.8:1', undefined],
    ['xds:///stock', 'stock', undefined],
    ['', '', undefined],
  ])('%s', async (target, address, port) => {
    const call = {
      getPeer: () => target,
      start: (_: unknown, listener: { onReceiveStatus(status: { code: number }): void }) =>
        listener.onReceiveStatus({ code: 0 }),
      sendMessageWithContext() {},
    };
    const traced = traceClient()<{ method_definition: { path: string } }, typeof call>(
      { method_definition: { path: PATH } },
      () => call as never,
    );
    traced.start(new Metadata(), { onReceiveStatus() {} });
    const { attributes } = await client();
    expect([attributes['server.address'], attributes['server.port']]).toEqual([address, port]);
  });
});

test('reads and writes grpc-trace-bin by the propagator that is given', async () => {
  const propagator = createPropagator('grpc-trace-bin');
  let received: Metadata | undefined;
  await call(
    (served, callback) => {
      received = served.metadata;
      callback(null, 'seven');
    },
    { server: [traceServer({ propagator })], client: [traceClient({ propagator })] },
  );
  assertParent(await server(), await client());
  expect(received?.get('grpc-trace-bin')).toEqual([expect.any(Buffer)]);
  expect(received?.get('grpc-trace-bin')[0]).toHaveLength(29);
  expect(received?.get('traceparent')).toEqual([]);
});

test('is active when a stream can be written again', async () => {
  const seen: (string | undefined)[] = [];
  const watch = {
    path: '/shop.Stock/Watch',
    requestStream: false,
    responseStream: true,
    requestSerialize: toBytes,
    requestDeserialize: toText,
    responseSerialize: toBytes,
    responseDeserialize: toText,
  };
  const watching = new Server({ interceptors: [traceServer()] });
  const handler: handleServerStreamingCall<string, string> = (call) => {
    call.on('drain', () => {
      seen.push(trace.getActiveSpan()?.spanContext().spanId);
      call.end();
    });
    while (call.write('x'.repeat(10_000)));
  };
  watching.addService({ watch } as ServiceDefinition, { watch: handler });
  const port = await new Promise<number>((resolve) =>
    watching.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) => resolve(bound)),
  );
  const caller = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const stream = caller.makeServerStreamRequest(watch.path, toBytes, toText, 'A-1', new Metadata());
  for await (const _ of stream);
  caller.close();
  watching.forceShutdown();
  expect(seen).toEqual([(await server()).spanContext().spanId]);
});

test('reports each written message in the context of its own caller, though one call made the connection', async () => {
  const put = {
    path: '/shop.Stock/Put',
    requestStream: true,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: toText,
    responseSerialize: toBytes,
    responseDeserialize: toText,
  };
  const putting = new Server();
  const handler: handleClientStreamingCall<string, string> = (call, callback) => {
    call.on('data', () => {}).on('end', () => callback(null, 'done'));
  };
  putting.addService({ put } as ServiceDefinition, { put: handler });
  const port = await new Promise<number>((resolve) =>
    putting.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) => resolve(bound)),
  );
  const caller = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    interceptors: [traceClient()],
  });
  const written: [string, string | undefined][] = [];
  await Promise.all(
    ['first', 'second', 'third'].map((name) =>
      trace.getTracer('application').startActiveSpan(name, async (span) => {
        await new Promise((resolve) => {
          const stream = caller.makeClientStreamRequest(put.path, toBytes, toText, new Metadata(), resolve);
          stream.write(name, () => written.push([name, trace.getActiveSpan()?.spanContext().spanId]));
          stream.end();
        });
        span.end();
        written.push([name, span.spanContext().spanId]);
      }),
    ),
  );
  caller.close();
  putting.forceShutdown();
  for (const name of ['first', 'second', 'third']) {
    const [seen, own, ...more] = written.filter(([whose]) => whose === name);
    expect(more).toEqual([]);
    expect(seen).toEqual(own);
  }
  await spans.takeMany(6);
});

describe('beside other interceptors', () => {
  const passing: ServerInterceptor = (_, inner) => new ServerInterceptingCall(inner);
  /** Hides the library's call, and so its stream. */
  const hiding: ServerInterceptor = (_, inner) => {
    const hidden = Object.fromEntries(
      ['start', 'sendMetadata', 'sendMessage', 'sendStatus', 'startRead', 'getDeadline', 'getHost'].map(
        (name) => [
          name,
          (inner as never as Record<string, (...args: unknown[]) => unknown>)[name]?.bind(inner),
        ],
      ),
    );
    return hidden as never;
  };

  test.each([
    ['one in between', passing],
    ['one that hides the stream', hiding],
  ])('records the status of the handler: %s', async (_, other) => {
    const refused = await call((__, callback) => callback({ code: status.NOT_FOUND, details: 'no such' }), {
      server: [other, traceServer()],
    });
    expect([refused, await statusOf(client()), await statusOf(server())]).toEqual([
      'NOT_FOUND',
      'NOT_FOUND',
      'NOT_FOUND',
    ]);
  });

  test('is active in those that come after it', async () => {
    const seen: (string | undefined)[] = [];
    const noting: ServerInterceptor = (_, inner) =>
      new ServerInterceptingCall(inner, {
        start: (next) =>
          next({
            onReceiveMetadata(metadata, pass) {
              seen.push(trace.getActiveSpan()?.spanContext().spanId);
              pass(metadata);
            },
          }),
      });
    await call((_, callback) => callback(null, 'seven'), { server: [traceServer(), noting] });
    expect(seen).toEqual([(await server()).spanContext().spanId]);
    await client();
  });

  test('records the deadline of the library through one in between', async () => {
    const metadata = new Metadata();
    metadata.set('grpc-timeout', '20m');
    const late = await call(() => {}, { server: [passing, traceServer()], metadata });
    expect([late, await statusOf(client()), await statusOf(server())]).toEqual(
      Array(3).fill('DEADLINE_EXCEEDED'),
    );
  });
});

describe('a call of a class that is not known yet', () => {
  class LaterCall {
    readonly #peer: string;
    readonly label: string;
    constructor(peer: string) {
      this.#peer = peer;
      this.label = `to ${peer}`;
    }
    start() {}
    sendMessageWithContext() {}
    getPeer() {
      return this.#peer;
    }
    get length() {
      return this.#peer.length;
    }
  }
  const options = { method_definition: { path: PATH } };
  const traced = <T extends object>(call: T) =>
    traceClient()<typeof options, T>(options, () => call as T & LaterCall);

  test('shows its methods, fields and getters, each of its own call', () => {
    const calls = ['stock:1', 'orders:22'].map((peer) => traced(new LaterCall(peer)));
    expect(calls.map((each) => [each.getPeer(), each.label, each.length])).toEqual([
      ['stock:1', 'to stock:1', 7],
      ['orders:22', 'to orders:22', 9],
    ]);
  });

  test('shows the members of a plain object, which need not be those of the one before', () => {
    expect(traced({ halfClose: () => 'half' }).halfClose()).toBe('half');
    expect(traced({ cancel: () => 'gone' }).cancel()).toBe('gone');
  });
});
