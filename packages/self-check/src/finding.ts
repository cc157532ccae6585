import { diag } from '@opentelemetry/api';
import { guarded, redaction, sharedByCopies } from '@throughline/core/seam';

/** A problem of this process's tracing, or something that may not work as expected. */
export interface Finding {
  /** `TL001` to `TL020`. It stays the same when the texts change. */
  readonly code: `TL${string}`;
  /** `warning`: spans or traces are lost. `info`: it may be intended. */
  readonly level: 'warning' | 'info';
  /** What was found. */
  readonly fact: string;
  /** What follows from it. */
  readonly consequence: string;
  /** What to do about it, in one line. */
  readonly fix: string;
  /** The address of the page that explains it, and how to silence it. */
  readonly docs: string;
}

const DOCS = 'https://github.com/throughline-js/throughline/blob/main/docs/self-checks.md';

/** Returns a finding with the address of its page. */
export function finding(
  code: Finding['code'],
  level: Finding['level'],
  words: Pick<Finding, 'fact' | 'consequence' | 'fix'>,
): Finding {
  // A fact may quote routes, paths and names of the application.
  return { code, level, ...words, fact: redaction.text(words.fact), docs: `${DOCS}#${code.toLowerCase()}` };
}

const { noted, announced } = sharedByCopies('findings', () => ({
  noted: new Map<string, Finding>(),
  announced: new Set<string>(),
}));

/** Returns what requests have shown so far. What the registry shows is not kept, because it can be read at any time. */
export function notedFindings(): readonly Finding[] {
  return [...noted.values()];
}

/** Keeps what a request has shown, for `tracingStatus()`, and announces it. Only the first of each code and kind counts. */
export function note(found: Finding, kind = ''): void {
  const key = found.code + kind;
  if (noted.has(key)) return;
  noted.set(key, found);
  announce(found, kind);
}

/** Reports a finding once per code and kind: as a warning of the process, in production only through `diag`. */
export function announce(found: Finding, kind = ''): void {
  const key = found.code + kind;
  if (announced.has(key)) return;
  announced.add(key);
  // Test runners set it, and most tests of an application start no SDK.
  if (found.code === 'TL001' && globalThis.process?.env.NODE_ENV === 'test') return;
  const { code, level, fact, consequence, fix, docs } = found;
  guarded('a self-check could not be announced', () => {
    if (level === 'info') diag.info(`[throughline] ${textOf(found)}`);
    else if (isDevelopment())
      process.emitWarning(`${fact} ${consequence}`, {
        type: 'ThroughlineWarning',
        code,
        detail: `${fix}\n${docs}`,
      });
    else diag.warn(`[throughline] ${textOf(found)}`);
  });
}

/** Returns a finding as one line of text. */
export function textOf({ code, fact, consequence, fix, docs }: Finding): string {
  return `${code} ${fact} ${consequence} ${fix} ${docs}`;
}

/** Returns whether a developer may read warnings, and closer checks may cost time. */
export function isDevelopment(): boolean {
  // Some runtimes have no process that could warn.
  return globalThis.process !== undefined && process.env.NODE_ENV !== 'production';
}
