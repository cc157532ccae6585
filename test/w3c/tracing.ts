import { context, propagation, type TracerProvider, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { createPropagator } from '@throughline/propagators';

/**
 * Registers an SDK with our propagators. Spans are made, ids and all, and exported to nobody.
 *
 * The SDK is 3, or the one in `SDK_MODULE`: `@opentelemetry/sdk-trace-base` for 2.x, whose provider has another name.
 */
export async function startTracing(): Promise<void> {
  const { SDK_MODULE } = process.env;
  const sdk = SDK_MODULE === undefined ? await import('@opentelemetry/sdk-trace') : await import(SDK_MODULE);
  const Provider: new () => TracerProvider = sdk.TracerProvider ?? sdk.BasicTracerProvider;
  trace.setGlobalTracerProvider(new Provider());
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(createPropagator());
}
