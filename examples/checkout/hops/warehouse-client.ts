import { credentials, makeClientConstructor, type requestCallback } from '@grpc/grpc-js';
import { traceClient } from '@throughline/grpc/grpc-js';
import { WAREHOUSE } from './warehouse-service.ts';

/** Returns a function that asks the warehouse at this address how many of the booked items are there. */
export function createWarehouseClient(address: string): (sku: string, booked: number) => Promise<number> {
  const Warehouse = makeClientConstructor(WAREHOUSE, 'Warehouse');
  const client = new Warehouse(address, credentials.createInsecure(), { interceptors: [traceClient()] });
  return (sku, booked) =>
    new Promise((resolve, reject) => {
      const answered: requestCallback<{ free: number }> = (error, answer) =>
        error ? reject(error) : resolve(answer?.free ?? 0);
      client.count?.({ sku, booked }, answered);
    });
}
