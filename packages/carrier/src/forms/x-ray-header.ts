/**
 * The form of AWS X-Ray's header, for the propagator that speaks it and for messages to SQS, which keep it in an
 * attribute.
 *
 * @see https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 * @module
 */
import { firstOf, trimOws } from './ows.ts';
import { isHexId } from './traceparent.ts';

/** What the header says. */
export interface XRayHeader {
  readonly traceId: string;
  /** The caller's span; absent when the header names none, as those of load balancers. */
  readonly spanId?: string | undefined;
  readonly state: 'accept' | 'deny' | 'defer';
  /** X-Ray's loop detector. Absent: the header has none, or one that may not be sent on. */
  readonly lineage?: string | undefined;
}

/** A longer header is not read. */
export const MAX_XRAY_LENGTH = 1024;

const NO_PARENT = '0'.repeat(16);
const SAMPLED = { accept: '1', deny: '0', defer: '?' };

/**
 * Reads `Root=1-8hex-24hex;Parent=16hex;Sampled=0`, with fields in any order and letter case. Returns `undefined` when
 * there is no valid root or any known field is malformed. An empty field, and a parent of zeros, counts as absent; no
 * `Sampled` counts as `?`.
 */
export function readXRayHeader(value: string): XRayHeader | undefined {
  if (value.length > MAX_XRAY_LENGTH) return undefined;
  const fields = new Map<string, string>();
  for (const part of firstOf(value, MAX_XRAY_LENGTH).split(';')) {
    const equals = part.indexOf('=');
    if (equals === -1) continue;
    const name = trimOws(part.slice(0, equals)).toLowerCase();
    const text = trimOws(part.slice(equals + 1));
    if (text !== '' && !fields.has(name)) fields.set(name, text);
  }
  const traceId = rootId(fields.get('root')?.toLowerCase() ?? '');
  const parent = fields.get('parent')?.toLowerCase();
  const state = stateOf(fields.get('sampled') ?? '?');
  if (traceId === undefined || state === undefined) return undefined;
  const spanId = parent === NO_PARENT ? undefined : parent;
  if (spanId !== undefined && !isHexId(spanId, 16)) return undefined;
  const lineage = fields.get('lineage');
  const legal = lineage !== undefined && /^[0-9a-z:|.-]{1,256}$/i.test(lineage);
  return { traceId, spanId, state, lineage: legal ? lineage : undefined };
}

function rootId(root: string): string | undefined {
  if (root.length !== 35 || !root.startsWith('1-') || root[10] !== '-') return undefined;
  const traceId = root.slice(2, 10) + root.slice(11);
  return isHexId(traceId, 32) ? traceId : undefined;
}

function stateOf(sampled: string): XRayHeader['state'] | undefined {
  if (sampled === '1') return 'accept';
  if (sampled === '0') return 'deny';
  return sampled === '?' ? 'defer' : undefined;
}

/** Returns the header's text. */
export function printXRayHeader({ traceId, spanId, state, lineage }: XRayHeader): string {
  const root = `Root=1-${traceId.slice(0, 8)}-${traceId.slice(8)}`;
  const rest = `${spanId === undefined ? '' : `;Parent=${spanId}`};Sampled=${SAMPLED[state]}`;
  return lineage === undefined ? root + rest : `${root + rest};Lineage=${lineage}`;
}
