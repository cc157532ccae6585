import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failureReason, keepInstalled, unpackInto } from '../../dist/kept-installation.ts';
import { packAll } from '../../dist/packed-packages.ts';
import { CALLS, FRAMEWORKS } from './combinations.ts';
import { observe } from './observe.ts';
import { PEERS, type Peer } from './peers.ts';
import { judge, type Verdict } from './verdict.ts';

/** The section of the page, and how many services were as they should be. */
export interface Coexistence {
  readonly section: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Starts a service of each framework beside each peer, both with packages as a user would have them. */
export async function testCoexistence(): Promise<Coexistence> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const rows: string[] = [];
  /** Why calls have two headers, with the peers of which that is so. */
  const doubled = new Map<string, string[]>();
  const packed = mkdtempSync(join(tmpdir(), 'throughline-coexistence-pack-'));
  try {
    const tarballs = await packAll(packed);
    for (const peer of PEERS) {
      const frameworks = peer.frameworks ?? FRAMEWORKS;
      const folder = join(tmpdir(), 'throughline-coexistence', folderOf(peer));
      try {
        await keepInstalled(folder, [peer.packages]);
      } catch (error) {
        counts.skipped += frameworks.length;
        const reason = failureReason(error);
        console.log(`${peer.title}: skipped: ${reason}`);
        rows.push(`| ${peer.title} | not installed: ${reason} |${' |'.repeat(CALLS.length + 2)}`);
        continue;
      }
      await unpackInto(folder, tarballs);
      cpSync(import.meta.dirname, folder, { recursive: true });
      const verdicts = new Map<string, Verdict>();
      for (const framework of frameworks) {
        const verdict = judge(peer, await observe(peer, framework, folder));
        verdicts.set(framework, verdict);
        counts[verdict.faults.length === 0 ? 'passed' : 'failed']++;
        console.log(`${peer.title}, ${framework}: ${verdict.faults.join('; ') || 'passed'}`);
      }
      if (peer.doubles !== undefined)
        doubled.set(peer.doubles.reason, [...(doubled.get(peer.doubles.reason) ?? []), peer.title]);
      rows.push(row(peer, verdicts));
    }
  } finally {
    rmSync(packed, { recursive: true, force: true });
  }
  return {
    section: sectionOf(
      rows,
      [...doubled].map(([reason, titles]) => `- *Two*, beside ${titles.join('; ')}: ${reason}`),
    ),
    ...counts,
  };
}

/** One folder for all peers with the same packages. */
function folderOf({ packages }: Peer): string {
  return Object.entries(packages)
    .filter(([name]) => /sentry\/node|dd-trace|auto-instr|fastify\/otel|\/api$/.test(name))
    .map(([name, version]) => `${name.replace(/\W+/g, '-')}-${version}`)
    .join('_');
}

function row(peer: Peer, verdicts: ReadonlyMap<string, Verdict>): string {
  /** Once where all frameworks agree. */
  const cell = (read: (verdict: Verdict) => string) => {
    const said = [...verdicts].map(([framework, verdict]) => [framework, read(verdict)] as const);
    const words = [...new Set(said.map(([, word]) => word))];
    if (words.length === 1) return words[0];
    return words
      .map(
        (word) =>
          `${said.flatMap(([framework, own]) => (own === word ? [framework] : [])).join(', ')}: ${word}`,
      )
      .join('; ');
  };
  return `| ${[
    peer.title,
    cell(({ servers }) => servers),
    cell(({ parent }) => parent),
    ...CALLS.map((name) => cell(({ headers }) => headers.get(name) ?? '')),
    cell(({ codes }) => codes),
  ].join(' | ')} |`;
}

const sectionOf = (rows: readonly string[], notes: readonly string[]) => `## Beside other tracers

Each tracer runs in a process of its own with a service on Express, Fastify, Koa and \`node:http\`, which receives two requests: one
begins a trace, one continues a caller's. *SERVER spans* counts them per request. *Parent* is that of the uppermost one, for the second
request. The next four columns name the span in the \`traceparent\` of a call, of which there is exactly one unless the cell says *two*;
\`its span\` is a span of the request's trace, below its SERVER span. *Codes* are those of the [self-checks](self-checks.md).
[ADR 30](adr/0030-beside-other-tracers.md) has the rules.

| Beside | SERVER spans | Parent | ${CALLS.map((name) => name.replace(/(trace\w+|fetch|node:http)/g, '`$1`')).join(' | ')} | Codes |
|---|---|---|${CALLS.map(() => '---|').join('')}---|
${rows.join('\n')}

${notes.join('\n')}
- Sentry continues the trace of its own header, \`sentry-trace\`, and not that of \`traceparent\`.
`;
