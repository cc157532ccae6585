import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { placeOf, ROOT, type Source, source } from './source.ts';

const ON_GITHUB = 'https://github.com/throughline-js/throughline/blob/main/';
const CODE = /^```[\s\S]*?^```|`[^`\n]+`/gm;

/** Returns where a page links to a file or a heading of this repository that does not exist: one line each. */
export function deadLinks(page: Source): string[] {
  const prose = page.text.replace(CODE, (code) => code.replace(/[^\n]/g, ' '));
  return [...prose.matchAll(/\]\(([^)\s]+)/g)].flatMap(({ 1: link = '', index }) => {
    const [file = '', heading] = (link.startsWith(ON_GITHUB) ? link.slice(ON_GITHUB.length) : link).split(
      '#',
    );
    if (/^[a-z]+:/.test(file)) return [];
    const folder = link.startsWith(ON_GITHUB) ? '' : dirname(page.path);
    const target = file === '' ? page.path : join(folder, file);
    if (!existsSync(join(ROOT, target))) return [`${placeOf(page, index)} ${link}: there is no ${target}`];
    if (heading === undefined || headingsOf(source(target)).includes(heading)) return [];
    return [`${placeOf(page, index)} ${link}: ${target} has no such heading`];
  });
}

/** The headings of a page in the form in which GitHub links to them. */
function headingsOf({ text }: Source): string[] {
  return [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}
