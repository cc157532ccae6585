/** One finished span, with times that a double holds exactly. */
export interface TraceSpan {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** Absent on a root span. */
  readonly parentId?: string;
  /** Whether the parent is in another process. Absent: unknown, and guessed from the kind. */
  readonly parentRemote?: boolean;
  readonly kind: SpanKindName;
  /** The resource's `service.name`, or `unknown_service`. */
  readonly service: string;
  readonly name: string;
  /** Microseconds since the epoch, an integer. */
  readonly start: number;
  /** Microseconds since the epoch, an integer; never before `start`. */
  readonly end: number;
  /** True when the span's status is Error. */
  readonly error: boolean;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export type SpanKindName = 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER';
export type AttributeValue = string | number | boolean | readonly AttributeValue[];

/** In the order of the API's `SpanKind`. */
export const SPAN_KINDS: readonly SpanKindName[] = ['INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];
