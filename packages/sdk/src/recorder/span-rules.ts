import type { Attributes, Link } from '@opentelemetry/api';
import type { SpanLimits } from '@opentelemetry/sdk-trace';
import type { RecordedSpan, SpanBeginning } from './recorded-span.ts';

/** What differs between the lines of the SDK: which attributes are legal, and what becomes of the others. */
export interface SpanRules {
  /** Returns a copy of the legal attributes for the sampler and then the span, and how many were left out. */
  offer(attributes: unknown): { readonly attributes: Attributes; readonly dropped: number };
  /** Returns a copy of the link that a span starts with. */
  offerLink(link: Link, limits: Required<SpanLimits>): Link;
  create(beginning: SpanBeginning): RecordedSpan;
}
