import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';

const FOLDER = join(import.meta.dirname, 'next');
const run = promisify(execFile);

interface Served {
  readonly answered: boolean;
  /** SERVER spans. */
  readonly served: readonly { scope: string; trace: string; id: string; parent: string }[];
  readonly found: readonly string[];
}

beforeAll(async () => {
  await run(process.execPath, [join(import.meta.dirname, 'install.ts'), FOLDER]);
  rmSync(join(FOLDER, '.next'), { recursive: true, force: true });
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' };
  await run(join(FOLDER, 'node_modules/.bin/next'), ['build', '--webpack'], { cwd: FOLDER, env });
}, 300_000);

/** Self-checks are for development: what `NODE_ENV` says is read by both, and Next serves its build all the same. */
async function serve(mode: 'traced' | 'ignored'): Promise<Served> {
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'development' };
  const { stdout } = await run(process.execPath, [join(FOLDER, 'server.mjs'), mode], { cwd: FOLDER, env });
  return JSON.parse(stdout.slice(stdout.indexOf('{"answered"')));
}

describe('a custom server of Next.js', () => {
  it('has two SERVER spans in the caller’s trace, Next’s below ours, and TL020 says so', async () => {
    const { answered, served, found } = await serve('traced');
    expect(answered).toBe(true);
    const [inner, outer] = served;
    expect(served.map(({ scope }) => scope)).toEqual(['next.js', '@throughline/http']);
    expect(inner?.parent).toBe(outer?.id);
    expect(outer?.parent).toBe('b7ad6b7169203331');
    expect(found).toContain('TL020');
  });

  it('has Next’s alone, in the caller’s trace, where ours are ignored', async () => {
    const { served, found } = await serve('ignored');
    expect(served.map(({ scope, parent }) => [scope, parent])).toEqual([['next.js', 'b7ad6b7169203331']]);
    expect(found).not.toContain('TL020');
  });
});
