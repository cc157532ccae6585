import { parsed, type Source } from './source.ts';

/** Lines that are neither blank nor only a comment. */
export function linesOfCode(file: Source): number {
  let code = file.text;
  for (const { start, end } of parsed(file).comments)
    code = code.slice(0, start) + code.slice(start, end).replace(/[^\n]/g, ' ') + code.slice(end);
  return code.split('\n').filter((line) => line.trim() !== '').length;
}
