import type { Attributes } from '@opentelemetry/api';
import { guarded, semconv } from '@throughline/core/seam';
import type { LambdaContext } from './lambda-context.ts';
import type { Trigger } from './trigger.ts';

/** `arn:aws:lambda:<region>:<account>:function:<name>`, which an alias or a version may follow. */
const PARTS_OF_FUNCTION = 7;
const ACCOUNT = 4;

/**
 * Returns what the conventions record of an invocation.
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
        [semconv.ATTR_FAAS_TRIGGER]: trigger,
        [semconv.ATTR_FAAS_COLDSTART]: coldStart,
        ...(awsRequestId !== undefined && { [semconv.ATTR_FAAS_INVOCATION_ID]: awsRequestId }),
        ...(parts.length >= PARTS_OF_FUNCTION && {
          [semconv.ATTR_AWS_LAMBDA_INVOKED_ARN]: invokedFunctionArn,
          [semconv.ATTR_CLOUD_RESOURCE_ID]: parts.slice(0, PARTS_OF_FUNCTION).join(':'),
          [semconv.ATTR_CLOUD_ACCOUNT_ID]: parts[ACCOUNT],
        }),
      };
    },
    { [semconv.ATTR_FAAS_TRIGGER]: trigger },
  );
}
