import type { ConformanceCase } from '@throughline/testing';

/**
 * Runs the cases one after the other and prints what came out, in the form of `node --test-reporter=tap`: for runtimes whose
 * own test runners have other forms. Ends the process.
 */
export async function runOnRuntime(
  cases: readonly ConformanceCase[],
  skips: Readonly<Record<string, string>>,
): Promise<never> {
  const counts = { pass: 0, fail: 0, skipped: 0 };
  for (const { name, skip, run } of cases) {
    const reason = skip?.reason ?? skips[name];
    if (reason !== undefined) {
      counts.skipped++;
      console.log(`ok - ${name} # SKIP ${reason}`);
      continue;
    }
    try {
      await run();
      counts.pass++;
      console.log(`ok - ${name}`);
    } catch (error) {
      counts.fail++;
      console.log(`not ok - ${name}\n# ${String((error as Error).stack ?? error).replaceAll('\n', '\n# ')}`);
    }
  }
  for (const [word, count] of Object.entries(counts)) console.log(`# ${word} ${count}`);
  process.exit(counts.fail === 0 ? 0 : 1);
}
