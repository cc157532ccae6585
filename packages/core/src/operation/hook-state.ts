import type { Span } from '@opentelemetry/api';

/** The part of a span that hooks may use: they can describe it, not end it. */
export type DescribableSpan = Pick<
  Span,
  'setAttribute' | 'setAttributes' | 'addEvent' | 'spanContext' | 'isRecording'
>;

/** The argument of `requestHook`. It is one object, so that it can grow. */
export interface RequestHookState<Request> {
  readonly span: DescribableSpan;
  readonly request: Request;
}

/** The argument of `responseHook`. It is one object, so that it can grow. */
export interface ResponseHookState<Request, Outcome> {
  readonly span: DescribableSpan;
  readonly request: Request;
  readonly outcome: Outcome;
}
