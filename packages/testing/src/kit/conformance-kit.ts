import { type ConformanceCase, type ConformanceRunner, lackOf, type Skip } from './conformance-case.ts';
import { checkKitOptions, type KitOptions, type KitRules } from './kit-options.ts';

/** A kit as its entry points offer it. */
export interface ConformanceKit<Options> {
  /** Returns the cases, bound to what is under test. */
  cases(options: Options): ConformanceCase[];
  /** Registers the cases with a runner, grouped by heading; a skipped case carries its reason in its name. */
  define(runner: ConformanceRunner, options: Options): void;
}

interface BoundCase {
  readonly name: string;
  readonly needs?: readonly string[];
}

/** Returns the kit that runs these cases. */
export function createConformanceKit<Options extends KitOptions<string>, Case extends BoundCase>(kit: {
  /** What is under test, for the title of the report: `HTTP server`. */
  readonly subject: string;
  /** Name of the function that lists the cases, for errors. */
  readonly entry: string;
  /** What the kit's own options may be. */
  readonly rules: KitRules;
  /** The cases, by heading. */
  readonly groups: Readonly<Record<string, readonly Case[]>>;
  run(one: Case, options: Options): Promise<void>;
  /** Returns why a need is not met, where `capabilities` alone does not say it. */
  lacks?(options: Options, need: string): Skip | undefined;
}): ConformanceKit<Options> {
  const cases = (options: Options): ConformanceCase[] => {
    checkKitOptions(kit.entry, options, kit.rules, kit.groups);
    const lack = (need: string): Skip | undefined =>
      kit.lacks?.(options, need) ?? lackOf(options.capabilities, need);
    return Object.entries(kit.groups).flatMap(([group, members]) =>
      members.map((one) => {
        const skip = one.needs?.map(lack).find((reason) => reason !== undefined);
        return { name: one.name, group, ...(skip && { skip }), run: () => kit.run(one, options) };
      }),
    );
  };
  return {
    cases,
    define(runner, options) {
      const { name, sdk } = options;
      const bound = cases(options);
      runner.describe(`${name}, ${kit.subject}, ${sdk.name}`, () => register(runner, bound));
    },
  };
}

function register(runner: ConformanceRunner, cases: readonly ConformanceCase[]): void {
  for (const group of new Set(cases.map((one) => one.group))) {
    runner.describe(group, () => {
      for (const one of cases) {
        if (one.group !== group) continue;
        if (one.skip) skip(runner, `${one.name} [skipped: ${one.skip.reason}]`);
        else runner.it(one.name, () => one.run());
      }
    });
  }
}

function skip({ it }: ConformanceRunner, name: string): void {
  if (it.skip) it.skip(name, async () => {});
  else it(name, async () => {});
}
