import { validateHeaderName, validateHeaderValue } from 'node:http';

/** Returns whether Node accepts this as a header of a request. */
export function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}
