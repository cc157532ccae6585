/**
 * Finds what silently keeps traces from being whole, and reports it once, with the fix.
 *
 * @module
 */

export { bareCalls, noteAsked } from './bare-calls.ts';
export { callsWithoutParent, noteCall } from './calls-without-parent.ts';
export type { Finding } from './finding.ts';
export { selfCheck } from './server-check.ts';
export { status, tracingStatus } from './tracing-status.ts';
