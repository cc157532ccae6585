/** A span as the check wants it. */
export interface ExportedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** Everything else that an SDK's span shows, for comparisons. */
  readonly shown?: unknown;
}

/** What the variant in this process has exported. Spans themselves are kept only while it is checked. */
export const exported: { count: number; spans: ExportedSpan[]; flush(): Promise<void> } = {
  count: 0,
  spans: [],
  flush: async () => {},
};

const checking = process.env.BENCH_CHECK === '1';

/** Counts spans and drops them. */
export function drop(spans: readonly unknown[], describe: (span: never) => ExportedSpan): void {
  exported.count += spans.length;
  if (checking) exported.spans.push(...spans.map((span) => describe(span as never)));
}
