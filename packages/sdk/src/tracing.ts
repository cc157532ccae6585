import type { SpanCounts } from './span-export.ts';

/** What `startTracing()` returns. Nothing of it ever throws or rejects. */
export interface Tracing {
  /**
   * Sends the spans that have ended and the metrics up to now; for work that ends before the next export, such as a
   * function in the cloud that is frozen after each call.
   *
   * Resolves after at most `shutdownTimeout`, with whether everything was delivered.
   */
  flush(): Promise<boolean>;
  /**
   * Sends the rest and stops: spans that end later are dropped, while context is still passed on. For the end of a
   * graceful shutdown, before `process.exit()`. Later calls return the first one's result.
   *
   * Resolves after at most `shutdownTimeout`, with whether everything was delivered.
   */
  shutdown(): Promise<boolean>;
  /** How tracing is doing, for a health endpoint: plain data, made at each call. */
  status(): TracingStatus;
}

export interface TracingStatus {
  /**
   * `exporting`, or `printing` to the terminal or console; `propagating` when nothing is recorded (no exporter, or
   * `OTEL_SDK_DISABLED`) and context is handed on only; `stopped` after `shutdown()`.
   */
  readonly state: 'exporting' | 'printing' | 'propagating' | 'stopped';
  /** The URL that spans are sent to, without credentials. Absent when none are sent. */
  readonly endpoint?: string;
  /** Whether the last export failed. */
  readonly failing: boolean;
  /** The sampled spans that ended since the start. */
  readonly spans: SpanCounts;
  /** Why the last failed export failed, and when. */
  readonly lastError?: { readonly message: string; readonly at: Date };
  /** When the receiver last took spans. */
  readonly lastSuccess?: Date;
}
