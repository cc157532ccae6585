import { Visitor } from 'oxc-parser';
import { parsed, placeOf, type Source } from './source.ts';

/** Where spans are started, failed and ended. */
const HOME = 'packages/core/src/operation/';
const VERBS = ['startSpan', 'startActiveSpan', 'recordException', 'setStatus'];

/** Returns where `files` start, fail or end a span by themselves: one line each, which says what to do. */
export function spanCalls(files: readonly Source[]): string[] {
  return files
    .filter(({ path }) => !path.startsWith(HOME))
    .flatMap((file) => {
      const found: string[] = [];
      new Visitor({
        CallExpression({ callee, start }) {
          if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return;
          const { name } = callee.property;
          const of = file.text.slice(callee.object.start, callee.object.end);
          if (VERBS.includes(name) || (name === 'end' && isSpan(of)))
            found.push(
              `${placeOf(file, start)} calls ${of}.${name}(): make it an \`Operation\` of @throughline/core/seam, which starts, fails, ends and measures a span.`,
            );
        },
      }).visit(parsed(file).program);
      return found;
    });
}

/** `span`, `this.#span`, `call.serverSpan`, `trace.getSpan(context)`. */
function isSpan(object: string): boolean {
  return /span[!?]?$/i.test(object) || /span\([^()]*\)[!?]?$/i.test(object);
}
