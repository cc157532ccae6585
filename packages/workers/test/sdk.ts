import { type Context, context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { activeContext, baggageFields, extractContext } from '@throughline/core';
import { createPropagator } from '@throughline/propagators';

export function startSdk(): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
  trace.setGlobalTracerProvider(new TracerProvider({}));
}

export function stopSdk(): void {
  context.disable();
  propagation.disable();
  trace.disable();
}

export const FIRST = '0af7651916cd43dd8448eb211c80319c';
export const SECOND = '1bf7651916cd43dd8448eb211c80319d';
export const SPAN = 'b7ad6b7169203331';

/** The context of a caller in this trace. */
export const callerIn = (traceId: string): Context =>
  extractContext({ traceparent: `00-${traceId}-${SPAN}-01`, tracestate: 'a=1', baggage: 'tenant=acme' });

/** What a listener, a task or a program sees of the active context. */
export interface Seen {
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly state: string | undefined;
  readonly tenant: unknown;
}

export function seen(active: Context = activeContext()): Seen {
  const spanContext = trace.getSpanContext(active);
  return {
    traceId: spanContext?.traceId,
    spanId: spanContext?.spanId,
    state: spanContext?.traceState?.serialize(),
    tenant: baggageFields(['tenant'], active)['baggage.tenant'],
  };
}

export const IN_FIRST = { traceId: FIRST, spanId: SPAN, state: 'a=1', tenant: 'acme' };
export const IN_SECOND = { ...IN_FIRST, traceId: SECOND };
export const IN_NONE = { traceId: undefined, spanId: undefined, state: undefined, tenant: undefined };
