import type { HookSpan } from './hook-span.ts';
import type { TraceOptions } from './trace-options.ts';

/** The abilities that both kits for HTTP test by an option. */
export type HttpOptionCapability =
  | 'ignore'
  | 'spanName'
  | 'attributes'
  | 'hooks'
  | 'captureHeaders'
  | 'redactQuery'
  /** Wrong options throw a `TypeError` when the adapter is mounted or the client is made. */
  | 'validation';

/** The options that both kits for HTTP set. */
export interface HttpTraceOptions<Request> extends TraceOptions<Request> {
  readonly requestHook?: (state: { readonly span: HookSpan; readonly request: Request }) => void;
  readonly responseHook?: (state: {
    readonly span: HookSpan;
    readonly request: Request;
    readonly outcome: { readonly statusCode?: number | undefined };
  }) => void;
  readonly captureRequestHeaders?: string[];
  readonly captureResponseHeaders?: string[];
  readonly redactQuery?: string[];
}
