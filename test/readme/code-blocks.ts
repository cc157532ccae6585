import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const REPOSITORY = join(import.meta.dirname, '../..');

/** A fenced block of a README, with what follows it. */
export interface CodeBlock {
  /** `packages/express/README.md`, relative to the repository. */
  readonly readme: string;
  /** Line of its first line of code, from 1. */
  readonly line: number;
  readonly code: string;
  /** The console block that follows it, if one does before the next code: a command and its output. */
  readonly console: { readonly command: string; readonly output: string } | undefined;
}

/** The packages whose pages are about libraries that are installed elsewhere; `test/integration` runs their code. */
const INSTALLED_ELSEWHERE = ['messaging', 'web'];

/** The READMEs that users read first, and the pages behind them. */
export function readmes(): string[] {
  const packages = readdirSync(join(REPOSITORY, 'packages')).sort();
  const pages = packages
    .filter(
      (name) => !INSTALLED_ELSEWHERE.includes(name) && existsSync(join(REPOSITORY, 'packages', name, 'docs')),
    )
    .flatMap((name) =>
      readdirSync(join(REPOSITORY, 'packages', name, 'docs')).map((page) => `packages/${name}/docs/${page}`),
    );
  return ['README.md', ...packages.map((name) => `packages/${name}/README.md`), ...pages];
}

/** The TypeScript blocks of a README, in order. */
export function codeBlocks(readme: string): CodeBlock[] {
  const text = readFileSync(join(REPOSITORY, readme), 'utf8');
  const fences = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  return fences.flatMap(([, language, code = ''], index) => {
    if (language !== 'ts') return [];
    const next = fences[index + 1];
    const [command = '', ...output] = next?.[1] === 'console' ? (next[2] ?? '').split('\n') : [];
    return {
      readme,
      line: text.slice(0, fences[index]?.index).split('\n').length + 1,
      code,
      console:
        command === ''
          ? undefined
          : { command: command.replace(/^\$ /, ''), output: output.join('\n').trim() },
    };
  });
}
