import { type Finding, notedFindings } from './finding.ts';
import { checkRegistration } from './registration.ts';
import { relianceOfProcess } from './server-check.ts';

/**
 * What is wrong with the tracing of this process, by code; empty when nothing is known to be.
 *
 * What is registered is looked at now, whatever it was before; what requests have shown is kept. Cheap enough for
 * a health endpoint. Texts may name folders and source lines: show them to operators, not to the public.
 *
 * @example
 * app.get('/healthz', (_req, res) => res.json({ tracing: status().map(({ code }) => code) }));
 */
export function status(): readonly Finding[] {
  return [...checkRegistration(relianceOfProcess()), ...notedFindings()].sort((a, b) =>
    a.code < b.code ? -1 : 1,
  );
}
