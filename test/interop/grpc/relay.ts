import { promisify } from 'node:util';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type StringValue, StringValueSchema } from '@bufbuild/protobuf/wkt';
import {
  credentials,
  type handleUnaryCall,
  makeClientConstructor,
  type requestCallback,
  Server,
  ServerCredentials,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { propagation } from '@opentelemetry/api';
import { traceClient, traceServer } from '@throughline/grpc/grpc-js';

/** What a service says of a call: the metadata that came in, what it made of it, and what the next service said. */
export interface Relayed {
  readonly received: Readonly<Partial<Record<'traceparent' | 'tracestate' | 'baggage', readonly string[]>>>;
  readonly baggage: Readonly<Record<string, string>>;
  readonly next?: Relayed;
}

const toBytes = (message: StringValue) => Buffer.from(toBinary(StringValueSchema, message));
const fromBytes = (bytes: Buffer) => fromBinary(StringValueSchema, bytes);
const text = (value: string) => create(StringValueSchema, { value });

const RELAY: ServiceDefinition = {
  call: {
    path: '/interop.Relay/Call',
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: fromBytes,
    responseSerialize: toBytes,
    responseDeserialize: fromBytes,
  },
};

const Relay = makeClientConstructor(RELAY, 'Relay');

/** Has the service at an address call `to`, and returns what it answers. */
export async function callRelay(address: string, to: string): Promise<Relayed> {
  const client = new Relay(address, credentials.createInsecure(), { interceptors: [traceClient()] });
  try {
    const answer = await new Promise<string | undefined>((resolve, reject) => {
      const answered: requestCallback<StringValue> = (error, answer) =>
        error ? reject(error) : resolve(answer?.value);
      client.call?.(text(to), answered);
    });
    return JSON.parse(answer ?? '') as Relayed;
  } finally {
    client.close();
  }
}

/** Serves the relay on Node; returns its address. */
export async function startRelay(): Promise<{ readonly address: string; stop(): void }> {
  const call: handleUnaryCall<StringValue, StringValue> = async ({ metadata, request }, callback) => {
    const received = Object.fromEntries(
      ['traceparent', 'tracestate', 'baggage'].flatMap((name) => {
        const values = metadata.get(name);
        return values.length > 0 ? [[name, values]] : [];
      }),
    );
    const entries = propagation.getActiveBaggage()?.getAllEntries() ?? [];
    const baggage = Object.fromEntries(entries.map(([key, { value }]) => [key, value]));
    try {
      const next = request.value && (await callRelay(request.value, ''));
      callback(null, text(JSON.stringify({ received, baggage, ...(next && { next }) })));
    } catch (error) {
      callback(error as Error);
    }
  };
  const server = new Server({ interceptors: [traceServer()] });
  server.addService(RELAY, { call });
  const bind = promisify(server.bindAsync.bind(server));
  const port = await bind('127.0.0.1:0', ServerCredentials.createInsecure());
  return { address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}
