// Adds up what all runners reported and closes with one plain line.
import { readdirSync, readFileSync } from 'node:fs';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
}

const reports = readdirSync('.reports')
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(`.reports/${name}`, 'utf8')) as Report)
  .filter(({ numPassedTests }) => typeof numPassedTests === 'number');
const sum = (key: keyof Report) => reports.reduce((total, report) => total + report[key], 0);
const failed = sum('numFailedTests');

console.log(`${sum('numPassedTests')} passed, ${failed} failed, ${sum('numPendingTests')} skipped`);
process.exit(reports.length > 0 && failed === 0 ? 0 : 1);
