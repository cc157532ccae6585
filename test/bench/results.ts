import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BytesRow } from './bytes.ts';
import type { CallsRow } from './calls.ts';
import type { Row } from './duel-table.ts';
import type { GrowthPoint } from './growth.ts';
import type { OpenRow } from './open-requests.ts';
import type { ScalingPoint } from './scaling.ts';

/** What one part of the bench has measured, and when, where and how. */
export interface Part {
  readonly date: string;
  readonly machine: string;
  readonly command: string;
  readonly rounds: number;
  readonly versions: Readonly<Record<string, string>>;
  /** What could not be measured, and why. */
  readonly missing: Readonly<Record<string, string>>;
  readonly rows?: readonly Row[];
  /** Several tables, by what was measured. */
  readonly tables?: Readonly<Record<string, readonly Row[]>>;
  readonly scaling?: Readonly<Record<string, readonly ScalingPoint[]>>;
  readonly bytes?: readonly BytesRow[];
  readonly clients?: readonly CallsRow[];
  readonly growth?: Readonly<Record<string, readonly GrowthPoint[]>>;
  readonly open?: readonly OpenRow[];
  readonly text?: string;
}

/** The latest run of each part. */
export type Results = Record<string, Part>;

export const FRAMEWORK_TITLES = {
  http: 'node:http',
  express: 'Express 5',
  fastify: 'Fastify 5',
  koa: 'Koa 3',
} as const;

const fileOf = (repository: string) => join(repository, 'docs/performance.json');

/** Returns all that is on the pages. It is in version control, so that a part that is not run stays as it was. */
export function readResults(repository: string): Results {
  return JSON.parse(readFileSync(fileOf(repository), 'utf8'));
}

export function writeResults(repository: string, results: Results): void {
  writeFileSync(fileOf(repository), `${JSON.stringify(results, undefined, 1)}\n`);
}
