import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort, parentPort, Worker } from 'node:worker_threads';
import { context, propagation, trace } from '@opentelemetry/api';
import { activeContext, baggageFields, extractContext, injectContext, runInContext } from '@throughline/core';
import type { ConformanceRunner, ConformanceSdk } from '@throughline/testing';
import {
  bindCallback,
  bindEmitter,
  bindIterable,
  environmentWithContext,
  inheritedContext,
  tracedTask,
  traceMessages,
  traceTasks,
} from '@throughline/workers';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;

const start = (sdk: ConformanceSdk) => {
  context.setGlobalContextManager(sdk.createContextManager().enable());
  propagation.setGlobalPropagator(sdk.createPropagator());
  trace.setGlobalTracerProvider(sdk.createTracerProvider({ spanProcessors: [] }));
};

const seen = () => ({
  traceId: trace.getSpanContext(activeContext())?.traceId,
  tenant: baggageFields(['tenant'])['baggage.tenant'],
});
const CALLER = { traceId: TRACE_ID, tenant: 'acme' };
const NONE = { traceId: undefined, tenant: undefined };

/** The other side's task of a pool. */
export const look = tracedTask((task: unknown) => ({ task, seen: seen() }));

/** Is the other side: a thread or a process that answers each message with what it saw and inherited, or that of a pool. */
export function beSide(side: string, sdk: ConformanceSdk): void {
  start(sdk);
  if (side === 'pool') return;
  const inherited = runInContext(inheritedContext(), seen);
  if (parentPort === null) {
    traceMessages(process);
    process.on('message', (data) => process.send?.({ data, seen: seen(), inherited }));
    process.on('disconnect', () => process.exit());
    return;
  }
  const port = traceMessages(parentPort);
  port.on('message', (message: { port?: MessagePort }) => {
    const other = message.port === undefined ? port : traceMessages(message.port);
    if (other === port) return port.postMessage({ data: message, seen: seen(), inherited });
    other.on('message', (data) => {
      other.postMessage({ data, seen: seen(), inherited });
      other.close();
    });
  });
}

/**
 * Defines the cases of threads and processes.
 *
 * @param program Exports {@link look}, and is the {@link beSide | side} that the variable `SIDE` names.
 */
export function defineWorkers(
  { describe, it }: ConformanceRunner,
  sdk: ConformanceSdk,
  program: string,
): void {
  const inTrace = <T>(fn: () => T): T =>
    runInContext(extractContext({ traceparent: TRACEPARENT, baggage: 'tenant=acme' }), fn);
  const env = { ...process.env, SIDE: 'messages' };
  const answerOf = (endpoint: EventEmitter | MessagePort) =>
    new Promise<object>((resolve) => {
      endpoint.once('message', (message: object) => resolve({ ...message, here: seen() }));
    });

  describe(`workers on ${sdk.name}`, () => {
    start(sdk);

    it('a callback, a listener and a generator keep the context in which they were made', async () => {
      const emitter = bindEmitter(new EventEmitter());
      const saw: unknown[] = [];
      async function* rows() {
        yield seen();
      }
      const [callback, generator] = inTrace(() => {
        emitter.once('event', () => saw.push(seen()));
        return [bindCallback(seen), bindIterable(rows())] as const;
      });
      emitter.emit('event');
      saw.push(callback(), (await generator.next()).value);
      assert.deepEqual(saw, [CALLER, CALLER, CALLER]);
    });

    /** Asks a thread or a process of this program, and ends it. */
    async function asked(side: Worker | ChildProcess, ask: () => unknown): Promise<object> {
      const answered = answerOf(side);
      try {
        ask();
        return await answered;
      } finally {
        if (side instanceof Worker) await side.terminate();
        else side.disconnect();
      }
    }

    it('a thread gets the context in its workerData and with each message, and answers in it', async () => {
      const workerData = inTrace(() => injectContext({ own: 1 }));
      const worker = traceMessages(new Worker(program, { env, workerData }));
      const answer = await asked(worker, () => inTrace(() => worker.postMessage('hello')));
      assert.deepEqual(answer, { data: 'hello', seen: CALLER, inherited: CALLER, here: CALLER });
    });

    it('a MessagePort carries it both ways', async () => {
      const worker = new Worker(program, { env });
      const { port1, port2 } = new MessageChannel();
      const answered = answerOf(traceMessages(port1));
      try {
        worker.postMessage({ port: port2 }, [port2]);
        inTrace(() => port1.postMessage('hello'));
        assert.deepEqual(await answered, { data: 'hello', seen: CALLER, inherited: NONE, here: CALLER });
      } finally {
        await worker.terminate();
      }
    });

    for (const [what, sent] of [
      ['a malformed context', { $trace: { traceparent: '00-x' }, data: 'hello' }],
      ['no context', 'hello'],
    ] as const)
      it(`a thread gets a message with ${what} as without us`, async () => {
        const worker = new Worker(program, { env });
        const answer = await asked(worker, () => worker.postMessage(sent));
        assert.deepEqual(answer, { data: 'hello', seen: NONE, inherited: NONE, here: NONE });
      });

    for (const serialization of ['json', 'advanced'] as const)
      it(`a process gets it in its environment and with each message, as ${serialization}`, async () => {
        const child = inTrace(() => fork(program, { env: environmentWithContext(env), serialization }));
        const answer = await asked(traceMessages(child), () => inTrace(() => child.send('hello')));
        assert.deepEqual(answer, { data: 'hello', seen: CALLER, inherited: CALLER, here: CALLER });
        assert.equal(process.env.TRACEPARENT, undefined);
      });

    for (const library of ['piscina', 'tinypool'])
      it(`a task of ${library} runs in it`, async () => {
        const { default: Pool } = await import(library);
        const pool = traceTasks(
          new Pool({
            filename: program,
            env: { ...env, SIDE: 'pool' },
            name: 'look',
            maxThreads: 1,
            minThreads: 1,
          }),
        );
        try {
          assert.deepEqual(await inTrace(() => pool.run('task')), { task: 'task', seen: CALLER });
        } finally {
          await pool.destroy();
        }
      });
  });
}
