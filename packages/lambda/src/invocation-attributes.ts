import type { Attributes } from '@opentelemetry/api';
import { guarded } from '@throughline/core/seam';
import type { LambdaContext } from './lambda-context.ts';
import type { Trigger } from './trigger.ts';

/** `arn:aws:lambda:<region>:<account>:function:<name>`, which an alias or a version may follow. */
const PARTS_OF_FUNCTION = 7;
const ACCOUNT = 4;

/**
 * Returns what the conventions record of an invocation. They are in development for functions and clouds.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/faas/aws-lambda/
 */
export function invocationAttributes(
  context: LambdaContext | undefined,
  trigger: Trigger,
  coldStart: boolean,
): Attributes {
  return guarded<Attributes>(
    'the context of an invocation could not be read',
    () => {
      const { awsRequestId, invokedFunctionArn } = context ?? {};
      const parts = typeof invokedFunctionArn === 'string' ? invokedFunctionArn.split(':') : [];
      return {
        'faas.trigger': trigger,
        'faas.coldstart': coldStart,
        ...(awsRequestId !== undefined && { 'faas.invocation_id': awsRequestId }),
        ...(parts.length >= PARTS_OF_FUNCTION && {
          'aws.lambda.invoked_arn': invokedFunctionArn,
          'cloud.resource_id': parts.slice(0, PARTS_OF_FUNCTION).join(':'),
          'cloud.account.id': parts[ACCOUNT],
        }),
      };
    },
    { 'faas.trigger': trigger },
  );
}
