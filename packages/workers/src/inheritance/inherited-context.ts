import { workerData } from 'node:worker_threads';
import type { Context, TextMapGetter } from '@opentelemetry/api';
import { carrierGetter, extractContext } from '@throughline/core';
import { guarded, propagatorOf, receive } from '@throughline/core/seam';
import { type Environment, variableName } from './environment.ts';

/**
 * Returns the context with which this thread or process was started, or the root context.
 *
 * A thread finds it in its `workerData`, where `injectContext` has put it; a process, and a thread without one of its own, in
 * the environment. Never throws: what cannot be read counts as absent.
 *
 * @see https://opentelemetry.io/docs/specs/otel/context/env-carriers/
 * @example
 * runInContext(inheritedContext(), main);
 */
export function inheritedContext(): Context {
  const propagator = propagatorOf(undefined);
  const isNamed = (name: string) => carrierGetter.get(workerData, name) !== undefined;
  const ofThread = guarded('a propagator threw in fields()', () => propagator.fields().some(isNamed), false);
  return ofThread
    ? extractContext(workerData, propagator)
    : receive(propagator, process.env, environmentGetter).received;
}

const environmentGetter: TextMapGetter<Environment> = {
  get: (environment, name) => environment[variableName(name)],
  keys: (environment) => Object.keys(environment),
};
