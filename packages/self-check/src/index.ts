export { bareCalls, noteAsked } from './bare-calls.ts';
export { callsWithoutParent, noteCall } from './calls-without-parent.ts';
export type { Finding } from './finding.ts';
export { selfCheck } from './server-check.ts';
export { status } from './status.ts';
