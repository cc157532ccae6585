import {
  Client,
  type ClientOptions,
  type ClientWritableStream,
  credentials,
  type handleBidiStreamingCall,
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { traceClient, traceServer } from '@throughline/grpc/grpc-js';
import {
  type RpcAnswer,
  RpcFailure,
  type RpcHandler,
  type RpcKind,
  type RpcSetup,
  type RpcToHandle,
  type RpcToMake,
  type RpcUnderTest,
} from '@throughline/testing';

const SERVICE = 'throughline.conformance.Echo';

export const GRPC_METHODS: Readonly<Record<RpcKind, string>> = {
  unary: `${SERVICE}/Unary`,
  clientStream: `${SERVICE}/ClientStream`,
  serverStream: `${SERVICE}/ServerStream`,
  bidi: `${SERVICE}/Bidi`,
};

const toBytes = (text: string) => Buffer.from(text);
const toText = (bytes: Buffer) => `${bytes}`;

const streams = (kind: RpcKind) => ({
  requestStream: kind === 'clientStream' || kind === 'bidi',
  responseStream: kind === 'serverStream' || kind === 'bidi',
});

const definition = (kind: RpcKind): MethodDefinition<string, string> => ({
  path: `/${GRPC_METHODS[kind]}`,
  ...streams(kind),
  requestSerialize: toBytes,
  requestDeserialize: toText,
  responseSerialize: toBytes,
  responseDeserialize: toText,
});

type UnaryCall = Parameters<handleUnaryCall<string, string>>[0];
type BidiCall = Parameters<handleBidiStreamingCall<string, string>>[0];

function handled(kind: RpcKind, call: UnaryCall | BidiCall): RpcToHandle {
  const { requestStream } = streams(kind);
  return {
    kind,
    // Node 20 would destroy both sides of the stream when the requests have been read.
    messages: requestStream
      ? (call as BidiCall).iterator({ destroyOnReturn: false })
      : one((call as UnaryCall).request),
    metadata: (name) => call.metadata.get(name).map(String),
    listen(see) {
      for (const event of ['data', 'end', 'cancelled']) call.on(event, () => see(event));
    },
  };
}

async function* one(message: string) {
  yield message;
}

/** Returns an error as the library wants it. */
function answerOf(error: unknown) {
  if (!(error instanceof RpcFailure)) return error as Error;
  return { code: status[error.status as keyof typeof status], details: error.message };
}

/** Handles calls whose response is one message. */
const single =
  (kind: RpcKind, handler: RpcHandler): handleUnaryCall<string, string> =>
  async (call, callback) => {
    try {
      const answers = handler(handled(kind, call))[Symbol.asyncIterator]();
      const { value } = await answers.next();
      await answers.next();
      callback(null, value);
    } catch (error) {
      callback(answerOf(error));
    }
  };

/** Handles calls whose response is a stream. */
const streamed =
  (kind: RpcKind, handler: RpcHandler): handleBidiStreamingCall<string, string> =>
  async (call) => {
    try {
      for await (const message of handler(handled(kind, call)))
        if (!call.write(message)) await new Promise((resolve) => call.once('drain', resolve));
      call.end();
    } catch (error) {
      call.emit('error', answerOf(error));
    }
  };

const RETRIES = JSON.stringify({
  methodConfig: [
    {
      name: [{ service: SERVICE, method: 'Unary' }],
      retryPolicy: {
        maxAttempts: 3,
        initialBackoff: '0.001s',
        maxBackoff: '0.01s',
        backoffMultiplier: 1,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
});

/** A client, and where its server listens. */
export interface Connected extends RpcUnderTest {
  readonly port: number;
}

/** Starts a server with this handler, and connects a client to it or to another `port`. */
export async function connectGrpc({
  handler,
  server: traced,
  client: tracing,
  port: other,
}: RpcSetup & { readonly port?: number }): Promise<Connected> {
  const clientOptions: ClientOptions = {
    'grpc.service_config': RETRIES,
    ...(tracing !== false && { interceptors: [traceClient(tracing)] }),
  };
  const server = new Server(traced === false ? {} : { interceptors: [traceServer(traced)] });
  const kinds = Object.keys(GRPC_METHODS) as RpcKind[];
  server.addService(
    Object.fromEntries(kinds.map((kind) => [kind, definition(kind)])) as ServiceDefinition,
    Object.fromEntries(
      kinds.map((kind) => [
        kind,
        streams(kind).responseStream ? streamed(kind, handler) : single(kind, handler),
      ]),
    ),
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const client = new Client(`127.0.0.1:${other ?? port}`, credentials.createInsecure(), clientOptions);
  return {
    port,
    call: (call) => makeCall(client, call),
    kill: () => server.forceShutdown(),
    close() {
      client.close();
      server.forceShutdown();
    },
  };
}

function makeCall(client: Client, call: RpcToMake): Promise<RpcAnswer> {
  const metadata = new Metadata();
  for (const [name, values] of Object.entries(call.metadata ?? {}))
    for (const value of [values].flat()) metadata.add(name, value as string);
  if (call.serverTimeoutMs !== undefined) metadata.set('grpc-timeout', `${call.serverTimeoutMs}m`);
  call.passed?.({ entries: () => Object.entries(metadata.getMap()) });
  const options = call.timeoutMs === undefined ? {} : { deadline: Date.now() + call.timeoutMs };
  const { path } = definition(call.kind);
  const { requestStream, responseStream } = streams(call.kind);
  const messages: string[] = [];

  return new Promise((resolve) => {
    let ended: StatusObject | ServiceError | undefined;
    const end = (how: StatusObject | ServiceError) => {
      ended ??= how;
      resolve({ messages, status: status[ended.code] });
    };
    const callback = (error: ServiceError | null, value?: string) => {
      call.see?.('callback');
      if (value !== undefined) messages.push(value);
      end(error ?? { code: status.OK, details: '', metadata });
    };
    const [first = ''] = call.messages;
    const made =
      requestStream && responseStream
        ? client.makeBidiStreamRequest(path, toBytes, toText, metadata, options)
        : responseStream
          ? client.makeServerStreamRequest(path, toBytes, toText, first, metadata, options)
          : requestStream
            ? client.makeClientStreamRequest(path, toBytes, toText, metadata, options, callback)
            : client.makeUnaryRequest(path, toBytes, toText, first, metadata, options, callback);
    made.on('metadata', () => call.see?.('metadata'));
    made.on('status', (how: StatusObject) => {
      call.see?.('status');
      if (responseStream) end(how);
    });
    if (responseStream) {
      made.on('data', (message: string) => {
        call.see?.('data');
        messages.push(message);
      });
      made.on('error', () => call.see?.('error'));
      made.on('end', () => call.see?.('end'));
    }
    if (requestStream) {
      const stream = made as ClientWritableStream<string>;
      for (const message of call.messages) stream.write(message, () => call.see?.('written'));
      stream.end();
    }
    call.signal?.addEventListener('abort', () => made.cancel());
  });
}
