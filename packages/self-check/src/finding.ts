import { diag } from '@opentelemetry/api';
import { guarded, redaction, shared } from '@throughline/core/seam';

/** Something about this process's tracing that does not work, or works differently from what one may expect. */
export interface Finding {
  /** `TL001` to `TL020`; stays the same when the words change. */
  readonly code: `TL${string}`;
  /** `warning`: spans or traces are lost. `info`: true, and possibly what was meant. */
  readonly level: 'warning' | 'info';
  /** What was seen. */
  readonly fact: string;
  /** What comes of it. */
  readonly consequence: string;
  /** What to do about it, in one line. */
  readonly fix: string;
  /** The page that says more, and how to silence it. */
  readonly docs: string;
}

const DOCS = 'https://github.com/throughline-js/throughline/blob/main/docs/self-checks.md';

/** A finding with the address of its page. */
export function finding(
  code: Finding['code'],
  level: Finding['level'],
  words: Pick<Finding, 'fact' | 'consequence' | 'fix'>,
): Finding {
  // A fact may quote routes, paths and names of the application.
  return { code, level, ...words, fact: redaction.text(words.fact), docs: `${DOCS}#${code.toLowerCase()}` };
}

const { noted, announced } = shared('findings', () => ({
  noted: new Map<string, Finding>(),
  announced: new Set<string>(),
}));

/** What requests have shown so far; the registry is not in it, because that can be asked at any time. */
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

/** Reports to the developer once per code and kind: as a warning of the process, or in production through `diag` alone. */
export function announce(found: Finding, kind = ''): void {
  const key = found.code + kind;
  if (announced.has(key)) return;
  announced.add(key);
  // Test runners set it, and the tests of an application mostly start no SDK.
  if (found.code === 'TL001' && process.env.NODE_ENV === 'test') return;
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

/** All of a finding in one line. */
export function textOf({ code, fact, consequence, fix, docs }: Finding): string {
  return `${code} ${fact} ${consequence} ${fix} ${docs}`;
}

/** Whether there is a developer to report to, and time to look more closely. */
export function isDevelopment(): boolean {
  return process.env.NODE_ENV !== 'production';
}
