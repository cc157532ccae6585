import { setTimeout as delay } from 'node:timers/promises';
import { type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js';
import { traceServer } from '@throughline/grpc/grpc-js';
import { startTracing } from '../tracing.ts';
import { WAREHOUSE } from './warehouse-service.ts';

startTracing('warehouse');

const port = Number(process.env.PORT ?? 3004);

const count: handleUnaryCall<{ sku: string; booked: number }, { free: number }> = async (call, callback) => {
  // Stands in for a walk along the shelves.
  await delay(4);
  callback(null, { free: call.request.booked });
};

const server = new Server({ interceptors: [traceServer()] });
server.addService(WAREHOUSE, { count });
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  console.log(`warehouse listening on 127.0.0.1:${port}`);
});
