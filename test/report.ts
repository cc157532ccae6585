// Adds up what the runners named on the command line reported, and closes with one plain line.
import { existsSync, readFileSync } from 'node:fs';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
}

const files = process.argv.slice(2).map((name) => `.reports/${name}.json`);
const missing = files.filter((file) => !existsSync(file));
const reports = files
  .filter((file) => !missing.includes(file))
  .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Report);
const sum = (key: keyof Report) => reports.reduce((total, report) => total + report[key], 0);
const failed = sum('numFailedTests');

for (const file of missing) {
  console.log(`${file} was not written: its runner did not come to an end.`);
}
console.log(`${sum('numPassedTests')} passed, ${failed} failed, ${sum('numPendingTests')} skipped`);
process.exit(missing.length === 0 && failed === 0 ? 0 : 1);
