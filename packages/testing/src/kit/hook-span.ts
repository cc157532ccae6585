import type { Span } from '@opentelemetry/api';

/** The part of a span that hooks get; an adapter may hand out more. */
export type HookSpan = Pick<
  Span,
  'setAttribute' | 'setAttributes' | 'addEvent' | 'spanContext' | 'isRecording'
>;
