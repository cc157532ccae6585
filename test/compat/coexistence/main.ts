// Tests coexistence alone, and rewrites its section of docs/compatibility.md: node test/compat/coexistence/main.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testCoexistence } from './coexistence.ts';

const { section, failed } = await testCoexistence();
const file = join(import.meta.dirname, '../../../docs/compatibility.md');
const [before = ''] = readFileSync(file, 'utf8').split(/\n## Beside other tracers\n/);
writeFileSync(file, `${before.trimEnd()}\n\n${section}`);
process.exit(failed === 0 ? 0 : 1);
