import type { Attributes } from '@opentelemetry/api';

/** Collected metrics as readers of SDK 2.x and 3.x return them: the members that the kit reads. */
export interface ResourceMetricsLike {
  readonly scopeMetrics: readonly {
    readonly metrics: readonly {
      readonly descriptor: { readonly name: string; readonly unit: string };
      readonly dataPoints: readonly { readonly attributes: Attributes; readonly value: unknown }[];
    }[];
  }[];
}

/** The bucket boundaries that the conventions advise for durations, in seconds. */
export const DURATION_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** One time series of one instrument. */
export interface MetricPoint {
  readonly name: string;
  readonly unit: string;
  readonly attributes: Attributes;
  /** Number of recordings; for a sum, its value. */
  readonly count: number;
  /** Sum of the recorded values, in the instrument's unit. */
  readonly sum: number;
  /** Bucket boundaries of a histogram; empty otherwise. */
  readonly boundaries: readonly number[];
}

/** Returns collected metrics as one flat list of time series. */
export function metricPoints(metrics: ResourceMetricsLike): MetricPoint[] {
  return metrics.scopeMetrics.flatMap((scope) =>
    scope.metrics.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => ({
        name: descriptor.name,
        unit: descriptor.unit,
        attributes,
        ...recorded(value),
      })),
    ),
  );
}

function recorded(value: unknown): { count: number; sum: number; boundaries: readonly number[] } {
  if (typeof value === 'number') return { count: value, sum: value, boundaries: [] };
  const histogram = value as { count: number; sum?: number; buckets: { boundaries: readonly number[] } };
  return { count: histogram.count, sum: histogram.sum ?? 0, boundaries: histogram.buckets.boundaries };
}
