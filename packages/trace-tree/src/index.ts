/**
 * Draws finished spans as trees in a terminal and reports where a trace was torn.
 *
 * @module
 */
export { buildTraces, type Trace, type TraceRow } from './build-traces.ts';
export { findSplits, groupTraces, type Split } from './find-splits.ts';
export { judge, type Verdict } from './judge.ts';
export { overlapping } from './overlapping.ts';
export { renderTraces, type TreeStyle, treeStyleFor } from './render-traces.ts';
export { type AttributeValue, SPAN_KINDS, type SpanKindName, type TraceSpan } from './trace-span.ts';
