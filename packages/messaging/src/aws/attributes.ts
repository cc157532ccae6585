import { headersCodec, type PropagationFields } from '../verbs/carrier-codec.ts';

/** An attribute of a message in SQS or SNS, as used here. */
export interface AwsAttribute {
  readonly DataType?: string | undefined;
  readonly StringValue?: string | undefined;
  readonly BinaryValue?: Uint8Array | undefined;
  /** In what SNS delivers, for both kinds. */
  readonly Value?: unknown;
}

export type AwsAttributes = { readonly [name: string]: AwsAttribute };

/** With more than these, SQS refuses the message, and SNS loses it on its way to a queue with raw delivery. */
const MAX_ATTRIBUTES = 10;

/** Names that both services accept. With any other, the message is refused. */
const LEGAL_NAME = /^(?!aws\.|amazon\.)[\w-](?:[\w.-]{0,254}[\w-])?$/i;

/** Returns the attributes' values by name, for a getter that takes headers. */
export function attributeTexts(attributes: AwsAttributes | undefined): Record<string, unknown> {
  const texts: Record<string, unknown> = {};
  for (const [name, attribute] of Object.entries(attributes ?? {}))
    texts[name] = attribute?.StringValue ?? attribute?.BinaryValue ?? attribute?.Value;
  return texts;
}

/**
 * Returns a copy of the attributes with as many fields as there is room for: the trace before its state, the baggage
 * last. `leftOut` names those that did not fit.
 */
export function addFields(
  attributes: AwsAttributes | undefined,
  fields: PropagationFields,
  replaced: readonly string[],
): { readonly attributes: AwsAttributes; readonly leftOut: readonly string[] } {
  const copy = headersCodec.write(attributes, {}, replaced) as Record<string, AwsAttribute>;
  const names = Object.keys(fields).toSorted((a, b) => rank(a) - rank(b));
  const leftOut: string[] = [];
  for (const name of names) {
    if (Object.keys(copy).length < MAX_ATTRIBUTES && LEGAL_NAME.test(name))
      copy[name] = { DataType: 'String', StringValue: fields[name] };
    else leftOut.push(name);
  }
  return { attributes: copy, leftOut };
}

function rank(name: string): number {
  const ranks: Record<string, number> = { traceparent: 0, tracestate: 2, baggage: 3 };
  return ranks[name] ?? 1;
}

/** Returns what the attributes add to the size of a message: names, types and values, in bytes. */
export function attributeBytes(attributes: AwsAttributes | undefined): number {
  let bytes = 0;
  for (const [name, attribute] of Object.entries(attributes ?? {})) {
    const { DataType, StringValue, BinaryValue } = attribute ?? {};
    bytes += textBytes(name) + textBytes(DataType) + textBytes(StringValue) + (BinaryValue?.byteLength ?? 0);
  }
  return bytes;
}

/** Counts anything but text as empty; the client refuses it. */
export function textBytes(text: unknown): number {
  return typeof text === 'string' ? Buffer.byteLength(text) : 0;
}

/**
 * Returns whether the additions take messages over a limit that a queue or topic may have: 256 KiB, the limit of SNS
 * and formerly of SQS, or 1 MiB.
 */
export function crossesLimit(bareBytes: number, bytes: number): boolean {
  return [262_144, 1_048_576].some((limit) => bareBytes <= limit && bytes > limit);
}
