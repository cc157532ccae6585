import { TRACE_FORMATS } from '@throughline/carrier';
import { guarded, reportOnce, withMembers } from '@throughline/core/seam';
import {
  type AwsAttributes,
  addFields,
  attributeBytes,
  attributeTexts,
  crossesLimit,
  textBytes,
} from '../aws/attributes.ts';
import { type CarrierCodec, headersCodec } from '../verbs/carrier-codec.ts';
import { traceparentOf, xRayHeaderOf } from './x-ray-header.ts';

/**
 * The parts of a message in SQS that can hold a context: `Message…` when it is sent, `Attributes` and `Body` when it
 * arrives.
 */
export interface SqsMetadata {
  readonly MessageAttributes?: AwsAttributes | undefined;
  readonly MessageSystemAttributes?: AwsAttributes | undefined;
  readonly MessageBody?: string | undefined;
  readonly Attributes?: { readonly [name: string]: string | undefined } | undefined;
  readonly Body?: string | undefined;
}

const [X_AMZN_TRACE_ID] = TRACE_FORMATS.xray;

/**
 * The codec for messages in SQS.
 *
 * Reads the message attributes or, if there are none, those in the envelope of SNS. If these hold no traceparent, the
 * system attribute `AWSTraceHeader` is read. The trace is also written there when all attributes are taken, because
 * it does not count as one.
 */
export const sqsCodec: CarrierCodec<SqsMetadata> = {
  keys: (message) => Object.keys(fieldsOf(message)),
  get: (message, name) => headersCodec.get(fieldsOf(message), name),
  write(message, { [X_AMZN_TRACE_ID]: header, ...fields }, replaced) {
    const { attributes, leftOut } = addFields(message?.MessageAttributes, fields, replaced);
    if (leftOut.length > 0)
      reportOnce(`a message to SQS had no attribute left for ${leftOut.join(', ')}: 10 are allowed`);
    const traced = withMembers(message, { MessageAttributes: attributes });
    if (header !== undefined) return withTraceHeader(traced, header);
    return leftOut.includes('traceparent') ? withFallback(traced, fields.traceparent) : traced;
  },
};

/**
 * Returns the messages with the added attributes, or with as few of them as keep them within the size that SQS
 * accepts.
 */
export function withinSize(
  bare: readonly SqsMetadata[],
  traced: readonly (SqsMetadata | undefined)[],
): readonly (SqsMetadata | undefined)[] {
  if (!crossesLimit(bytesOf(bare), bytesOf(traced))) return traced;
  reportOnce('a message to SQS had no bytes left for attributes; its trace went into AWSTraceHeader');
  return traced.map((message, index) => {
    const header = message?.MessageSystemAttributes?.AWSTraceHeader?.StringValue;
    return header === undefined
      ? withFallback(bare[index], message?.MessageAttributes?.traceparent?.StringValue)
      : withTraceHeader(bare[index], header);
  });
}

function withFallback(message: SqsMetadata | undefined, traceparent: string | undefined): SqsMetadata {
  const header = xRayHeaderOf(traceparent);
  const taken = message?.MessageSystemAttributes?.AWSTraceHeader !== undefined;
  return header === undefined || taken ? (message ?? {}) : withTraceHeader(message, header);
}

function withTraceHeader(message: SqsMetadata | undefined, header: string): SqsMetadata {
  const AWSTraceHeader = { DataType: 'String', StringValue: header };
  const MessageSystemAttributes = withMembers(message?.MessageSystemAttributes, { AWSTraceHeader });
  return withMembers(message, { MessageSystemAttributes });
}

function fieldsOf(message: SqsMetadata | undefined): Record<string, unknown> {
  const own = attributeTexts(message?.MessageAttributes);
  const fields = Object.keys(own).length > 0 ? own : enveloped(message);
  const header =
    message?.Attributes?.AWSTraceHeader ?? message?.MessageSystemAttributes?.AWSTraceHeader?.StringValue;
  if (header === undefined) return fields;
  const traceparent = headersCodec.get(fields, 'traceparent') === undefined && traceparentOf(header);
  return { [X_AMZN_TRACE_ID]: header, ...(traceparent && { traceparent }), ...fields };
}

const UNREADABLE = 'the body of a message from SNS could not be read; it counts as without attributes';

/** By message: parsed once, although every field is looked up. */
const envelopes = new WeakMap<object, Record<string, unknown>>();

/** Returns the attributes in an SNS notification that arrived as the message's body. */
function enveloped(message: SqsMetadata | undefined): Record<string, unknown> {
  const body = message?.Body;
  if (!body?.startsWith('{') || !body.includes('"MessageAttributes"') || !body.includes('"TopicArn"'))
    return {};
  const known = envelopes.get(message as object);
  if (known !== undefined) return known;
  const read = () => attributeTexts((JSON.parse(body) as SqsMetadata).MessageAttributes);
  const fields = guarded(UNREADABLE, read, {});
  envelopes.set(message as object, fields);
  return fields;
}

function bytesOf(messages: readonly (SqsMetadata | undefined)[]): number {
  return messages.reduce(
    (sum, message) => sum + textBytes(message?.MessageBody) + attributeBytes(message?.MessageAttributes),
    0,
  );
}
