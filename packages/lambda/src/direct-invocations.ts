import { type Attributes, SpanKind } from '@opentelemetry/api';
import { type Carrier, carrierGetter } from '@throughline/core';
import { admit, Operation, propagatorOf, receive, type Scope } from '@throughline/core/seam';
import type { Invocation } from './invocation.ts';
import type { LambdaContext } from './lambda-context.ts';
import type { LambdaOptions } from './lambda-options.ts';

/** Returns a function that starts an invocation of any other kind. The caller's trace is read from the client context. */
export function directInvocations(
  { tracerProvider, propagator }: LambdaOptions,
  scope: Scope,
): (context: LambdaContext | undefined, attributes: () => Attributes) => Invocation {
  const tracer = scope.tracer(tracerProvider);
  return (context, attributes) => {
    const { clientContext, functionName = 'invoke' } = context ?? {};
    const carrier = (clientContext?.custom ?? clientContext?.Custom ?? {}) as Carrier;
    const admission = admit(receive(propagatorOf(propagator), carrier, carrierGetter), {
      parent: 'continue',
    });
    const recorder = tracer();
    const operation = new Operation(
      admission.context,
      recorder && {
        tracer: recorder,
        name: functionName,
        kind: SpanKind.SERVER,
        attributes: attributes(),
        links: admission.conflicts.map((conflicting) => ({ context: conflicting })),
      },
    );
    return {
      run: (handle) => operation.run(handle),
      succeed: () => operation.end(),
      fail: (error) => operation.fail(error),
    };
  };
}
