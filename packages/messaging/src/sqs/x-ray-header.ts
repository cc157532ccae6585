const ROOT = /(?:^|;)\s*Root=1-([0-9a-f]{8})-([0-9a-f]{24})\s*(?:;|$)/i;
const PARENT = /(?:^|;)\s*Parent=([0-9a-f]{16})\s*(?:;|$)/i;
const SAMPLED = /(?:^|;)\s*Sampled=1\s*(?:;|$)/i;

/**
 * The header of AWS X-Ray as a traceparent, for propagators that do not know it.
 *
 * Only a sampled one: Lambda writes unsampled ones into every message of functions that do not use X-Ray, and whoever
 * believed them would record nothing any more. A registered X-Ray propagator reads the header itself.
 *
 * @see https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 */
export function traceparentOf(header: string): string | undefined {
  const root = ROOT.exec(header);
  const parent = PARENT.exec(header);
  if (root === null || parent === null || !SAMPLED.test(header)) return undefined;
  return `00-${root[1]}${root[2]}-${parent[1]}-01`.toLowerCase();
}

/** A traceparent as the header of AWS X-Ray; `undefined` for what is none. */
export function xRayHeaderOf(traceparent: string | undefined): string | undefined {
  const parts = /^..-(.{8})(.{24})-(.{16})-.([0-9a-f])/.exec(traceparent ?? '');
  if (parts === null) return undefined;
  const [, seconds, random, parent, flags = '0'] = parts;
  return `Root=1-${seconds}-${random};Parent=${parent};Sampled=${Number.parseInt(flags, 16) & 1}`;
}
