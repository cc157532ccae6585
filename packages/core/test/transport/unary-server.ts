import type { handleUnaryCall } from '@grpc/grpc-js';
import { SpanKind } from '@opentelemetry/api';
import { carrierGetter } from '@throughline/core';
import { admit, Operation, propagatorOf, receive, Scope } from '@throughline/core/seam';

/** Returns a handler of unary calls that serves each of them in one SERVER span. */
export function traceUnary<Req, Res>(
  name: string,
  handler: handleUnaryCall<Req, Res>,
): handleUnaryCall<Req, Res> {
  const tracer = new Scope('grpc', 'traceUnary()').tracer(undefined);
  return (call, callback) => {
    const arrival = receive(propagatorOf(undefined), call.metadata, carrierGetter);
    const { context } = admit(arrival, { parent: 'continue' });
    const operation = new Operation(context, { tracer: tracer(), name, kind: SpanKind.SERVER });
    operation.run(() =>
      handler(call, (error, ...answer) => {
        if (error) operation.fail(error);
        else operation.end();
        callback(error, ...answer);
      }),
    );
  };
}
