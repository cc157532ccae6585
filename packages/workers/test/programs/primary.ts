// The primary of a cluster: asks a worker in a context, and prints what both sides saw.
import cluster from 'node:cluster';
import { join } from 'node:path';
import { runInContext } from '@throughline/core';
import { environmentWithContext, traceMessages } from '@throughline/workers';
import { callerIn, FIRST, SECOND, seen, startSdk } from '../sdk.ts';

startSdk();
cluster.setupPrimary({ exec: join(import.meta.dirname, 'process.ts') });
traceMessages(cluster);
const forked = runInContext(callerIn(FIRST), () => cluster.fork(environmentWithContext({})));
const worker = traceMessages(forked);
const heard: object[] = [];
cluster.on('message', (_worker, message) => heard.push({ by: 'cluster', message, here: seen() }));
worker.on('message', (message) => {
  heard.push({ by: 'worker', message, here: seen() });
  worker.disconnect();
});
worker.on('exit', () => console.log(JSON.stringify(heard)));
runInContext(callerIn(SECOND), () => worker.send('hello'));
