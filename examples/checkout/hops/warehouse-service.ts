import type { ServiceDefinition } from '@grpc/grpc-js';

const toBytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const fromBytes = (bytes: Buffer): unknown => JSON.parse(`${bytes}`);

/** The service `demo.Warehouse`. Its messages are JSON, so that the demo needs no generated code. */
export const WAREHOUSE: ServiceDefinition = {
  count: {
    path: '/demo.Warehouse/Count',
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: fromBytes,
    responseSerialize: toBytes,
    responseDeserialize: fromBytes,
  },
};
