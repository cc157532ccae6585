import { type Finding, notedFindings } from './finding.ts';
import { checkRegistration } from './registration-findings.ts';
import { relianceOfProcess } from './server-check.ts';

/**
 * Returns the known problems of this process's tracing, sorted by code; an empty array if there are none.
 *
 * What is registered is looked up at each call; what requests have shown is kept. Cheap enough for a health endpoint.
 * The texts may name folders and source lines: show them to operators, not to the public.
 *
 * @example
 * app.get('/healthz', (_req, res) => res.json({ tracing: tracingStatus().map(({ code }) => code) }));
 */
export function tracingStatus(): readonly Finding[] {
  return [...checkRegistration(relianceOfProcess()), ...notedFindings()].sort((a, b) =>
    a.code < b.code ? -1 : 1,
  );
}

/**
 * @deprecated Use {@link tracingStatus}: on an HTTP adapter `status` reads like an HTTP status.
 * @alias tracingStatus
 */
export const status = tracingStatus;
