export type { SamplingOptions, SamplingRule } from './sampling/sampling.ts';
export { startTracing } from './start-tracing.ts';
export type { Tracing, TracingStatus } from './tracing.ts';
export type { TracingOptions } from './tracing-options.ts';
