import type { SpanCounts } from './export/span-export.ts';

/** What `startTracing()` returns. None of its methods throws or rejects. */
export interface Tracing {
  /**
   * Sends the spans that have ended and the current metrics. For work that ends before the next export, such as a cloud
   * function that is frozen after each call.
   *
   * Resolves after at most `shutdownTimeout`, with whether everything was delivered.
   */
  flush(): Promise<boolean>;
  /**
   * Sends the rest and stops: spans that end later are dropped, but context is still propagated. For the end of a graceful
   * shutdown, before `process.exit()`. Later calls return the first one's result.
   *
   * Resolves after at most `shutdownTimeout`, with whether everything was delivered.
   */
  shutdown(): Promise<boolean>;
  /** Returns how tracing is doing, for a health endpoint: a new object of plain data at each call. */
  status(): TracingStatus;
}

/** How tracing is doing. */
export interface TracingStatus {
  /**
   * `exporting`, or `printing` to the terminal or console; `propagating` if nothing is recorded (no exporter, or
   * `OTEL_SDK_DISABLED`) and context is only propagated; `stopped` after `shutdown()`.
   */
  readonly state: 'exporting' | 'printing' | 'propagating' | 'stopped';
  /** The URL that spans are sent to, without credentials. Absent: none are sent. */
  readonly endpoint?: string;
  /** Whether the last export failed. */
  readonly failing: boolean;
  /** The sampled spans that ended since the start. */
  readonly spans: SpanCounts;
  /** Why and when an export last failed. Absent: none has failed. */
  readonly lastError?: { readonly message: string; readonly at: Date };
  /** When the receiver last accepted spans. Absent: it has not yet. */
  readonly lastSuccess?: Date;
}
