import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { create, createFileRegistry, type DescMethod, type DescService } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient, type HandlerContext, type Transport } from '@connectrpc/connect';
import {
  connectNodeAdapter,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from '@connectrpc/connect-node';
import { traceClient, traceServer } from '@throughline/grpc/connect';
import {
  type RpcAnswer,
  RpcFailure,
  type RpcHandler,
  type RpcKind,
  type RpcSetup,
  type RpcToMake,
} from '@throughline/testing';
import type { Connected } from './grpc-js-echo.ts';

const KINDS: readonly RpcKind[] = ['unary', 'clientStream', 'serverStream', 'bidi'];
const methodName = (kind: RpcKind) => `${kind[0]?.toUpperCase()}${kind.slice(1)}`;

const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: 'echo.proto',
    package: 'throughline.conformance',
    syntax: 'proto3',
    messageType: [
      {
        name: 'Message',
        field: [
          {
            name: 'text',
            number: 1,
            type: FieldDescriptorProto_Type.STRING,
            label: FieldDescriptorProto_Label.OPTIONAL,
          },
        ],
      },
    ],
    service: [
      {
        name: 'Echo',
        method: KINDS.map((kind) => ({
          name: methodName(kind),
          inputType: '.throughline.conformance.Message',
          outputType: '.throughline.conformance.Message',
          clientStreaming: kind === 'clientStream' || kind === 'bidi',
          serverStreaming: kind === 'serverStream' || kind === 'bidi',
        })),
      },
    ],
  }),
  () => undefined,
);
export const service = registry.getService('throughline.conformance.Echo') as DescService;

export const CONNECT_METHODS = Object.fromEntries(
  KINDS.map((kind) => [kind, `${service.typeName}/${methodName(kind)}`]),
) as Record<RpcKind, string>;

/** A message of the service, whose type no generated code names. */
interface Message {
  readonly text: string;
}

async function* texts(messages: AsyncIterable<Message>): AsyncIterable<string> {
  for await (const { text } of messages) yield text;
}

async function* messagesOf(all: Iterable<string> | AsyncIterable<string>) {
  for await (const text of all) yield { text };
}

const toConnect = (error: unknown) =>
  error instanceof RpcFailure ? new ConnectError(error.message, codeOf(error.status)) : error;

/** `NOT_FOUND` of gRPC is `NotFound` of Connect; `CANCELLED` is the exception. */
function codeOf(status: string): Code {
  const name = status.toLowerCase().replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase());
  return status === 'CANCELLED' ? Code.Canceled : Code[name as keyof typeof Code];
}

function statusOf(code: Code): string {
  if (code === Code.Canceled) return 'CANCELLED';
  return (Code[code] ?? 'Unknown').replace(/(?<=.)([A-Z])/g, '_$1').toUpperCase();
}

function implementation(handler: RpcHandler) {
  return Object.fromEntries(
    KINDS.map((kind) => {
      const streamsIn = kind === 'clientStream' || kind === 'bidi';
      const answers = async function* (input: Message | AsyncIterable<Message>, context: HandlerContext) {
        const messages = streamsIn
          ? texts(input as AsyncIterable<Message>)
          : texts(messagesOf([(input as Message).text]));
        try {
          yield* handler({
            kind,
            messages,
            metadata: (name) => context.requestHeader.get(name)?.split(', ') ?? [],
            listen: (see) => context.signal.addEventListener('abort', () => see('cancelled')),
          });
        } catch (error) {
          throw toConnect(error);
        }
      };
      const single = async (input: Message | AsyncIterable<Message>, context: HandlerContext) => {
        const all = answers(input, context);
        const { value } = await all.next();
        await all.next();
        return { text: value };
      };
      const streamed = async function* (input: Message | AsyncIterable<Message>, context: HandlerContext) {
        for await (const text of answers(input, context)) yield { text };
      };
      const localName = (service.method as Record<string, DescMethod>)[kind]?.localName ?? kind;
      return [localName, kind === 'serverStream' || kind === 'bidi' ? streamed : single];
    }),
  );
}

export type ConnectProtocol = 'connect' | 'grpc' | 'grpc-web';

/** Returns what starts a server with a handler and connects a client, by one of Connect's protocols. */
export function connectBy(protocol: ConnectProtocol, version: '1.1' | '2') {
  return async ({
    handler,
    server: traced,
    client: tracing,
    port: other,
  }: RpcSetup & { readonly port?: number }): Promise<Connected> => {
    // First, because wrong options must not leave a server behind.
    const interceptors = tracing === false ? [] : [traceClient(tracing)];
    const listener = connectNodeAdapter({
      routes: (router) => router.service(service, implementation(handler) as never),
      readMaxBytes: 4_000_000,
      ...(traced !== false && { interceptors: [traceServer(traced)] }),
    });
    const server = version === '2' ? http2.createServer(listener) : http.createServer(listener);
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const baseUrl = `http://127.0.0.1:${other ?? port}`;
    // Its own, so that no connection of the case keeps the process.
    const sessionManager = version === '2' ? new Http2SessionManager(baseUrl) : undefined;
    const options = {
      baseUrl,
      ...(sessionManager && { sessionManager }),
      httpVersion: version,
      interceptors,
    };
    const transport: Transport =
      protocol === 'connect'
        ? createConnectTransport(options)
        : protocol === 'grpc'
          ? createGrpcTransport(options as never)
          : createGrpcWebTransport(options);
    const client = createClient(service, transport) as unknown as EchoClient;
    const kill = () => {
      for (const socket of sockets) socket.destroy();
    };
    return {
      port,
      call: (call) => makeCall(client, call),
      kill,
      async close() {
        sessionManager?.abort();
        kill();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  };
}

export interface CallOptions {
  readonly headers: Headers;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface EchoClient {
  unary(message: Message, options: CallOptions): Promise<Message>;
  clientStream(messages: AsyncIterable<Message>, options: CallOptions): Promise<Message>;
  serverStream(message: Message, options: CallOptions): AsyncIterable<Message>;
  bidi(messages: AsyncIterable<Message>, options: CallOptions): AsyncIterable<Message>;
}

async function makeCall(client: EchoClient, call: RpcToMake): Promise<RpcAnswer> {
  const headers = new Headers();
  for (const [name, values] of Object.entries(call.metadata ?? {}))
    for (const value of [values].flat()) headers.append(name, value as string);
  call.passed?.(headers);
  const { timeoutMs, signal, see } = call;
  const options = {
    headers,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(signal && { signal }),
    onHeader: () => see?.('header'),
    onTrailer: () => see?.('trailer'),
  };
  const [text = ''] = call.messages;
  const messages: string[] = [];
  try {
    switch (call.kind) {
      case 'unary':
        messages.push((await client.unary({ text }, options)).text);
        break;
      case 'clientStream':
        messages.push((await client.clientStream(messagesOf(call.messages), options)).text);
        break;
      case 'serverStream':
        for await (const message of client.serverStream({ text }, options)) messages.push(message.text);
        break;
      case 'bidi':
        for await (const message of client.bidi(messagesOf(call.messages), options)) {
          see?.('message');
          messages.push(message.text);
        }
    }
    return { messages, status: 'OK' };
  } catch (error) {
    return { messages, status: statusOf(ConnectError.from(error).code) };
  }
}
