import { Visitor } from 'oxc-parser';
import { parsed, placeOf, type Source, source } from './source.ts';

/** A word or phrase, and what to say in its place. */
interface Word {
  readonly pattern: RegExp;
  readonly say: string;
}

const TABLE = /(?<=\n## Words\n[\s\S]*?\n\|[ -]+\|[ -]+\|\n)(?:\|.*\n)+/;

/** The table "Words" of CONTRIBUTING.md. */
export function wordsOfDocs(): Word[] {
  const rows = TABLE.exec(source('CONTRIBUTING.md').text)?.[0].trim().split('\n') ?? [];
  return rows.map((row) => {
    const [, not = '', say = ''] = row.split('|').map((cell) => cell.trim());
    const forms = not.split(', ').map((form) => form.replace(/ /g, '[\\s*/]+'));
    return { pattern: new RegExp(`\\b(?:${forms.join('|')})\\b`, 'gi'), say };
  });
}

/** Returns where `file` uses one of the words: one line each, with what to say in its place. */
export function wordsIn(file: Source, words: readonly Word[]): string[] {
  const prose = file.path.endsWith('.ts') ? proseOfCode(file) : proseOfPage(file.text);
  return words.flatMap(({ pattern, say }) =>
    [...prose.matchAll(pattern)].map(
      ({ 0: found, index }) => `${placeOf(file, index)} "${found.replace(/[\s*/]+/g, ' ')}": ${say}`,
    ),
  );
}

/** Comments and texts; everything else is blank, so that offsets stay. */
function proseOfCode(file: Source): string {
  const { program, comments } = parsed(file);
  const spans: { start: number; end: number }[] = [...comments];
  const take = (node: { start: number; end: number }) => spans.push(node);
  new Visitor({
    Literal: (node) => typeof node.value === 'string' && take(node),
    TemplateElement: take,
  }).visit(program);
  let prose = '';
  for (const { start, end } of spans.sort((a, b) => a.start - b.start))
    prose = prose.padEnd(start) + file.text.slice(start, end);
  return prose;
}

/** Without names of code and without addresses, which are not ours to choose; and without the list itself. */
function proseOfPage(text: string): string {
  return [TABLE, /`[^`\n]+`/g, /\]\([^)]*\)/g].reduce(
    (prose, pattern) => prose.replace(pattern, (found) => found.replace(/[^\n]/g, ' ')),
    text,
  );
}
