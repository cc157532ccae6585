/**
 * Draws finished spans as trees in a terminal and says where a trace was torn.
 *
 * @module
 */
export {
  buildTraces,
  findSplits,
  groupTraces,
  overlapping,
  type Split,
  type Trace,
  type TraceRow,
} from './trace-forest.ts';
export { type AttributeValue, SPAN_KINDS, type SpanKindName, type TraceSpan } from './trace-span.ts';
export { judge, renderTraces, type TreeStyle, treeStyleFor, type Verdict } from './trace-tree.ts';
