import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/**
 * Puts a double where a client's own file would be, and returns it as it is when it is required: instrumentations patch
 * it then. Where the client is not installed, nothing is there to patch it.
 */
export function required(client, file, double) {
  let id;
  try {
    id = join(dirname(require.resolve(client)), file);
  } catch {
    return double;
  }
  require.cache[id] = { id, filename: id, loaded: true, exports: double, children: [], paths: [] };
  return require(id);
}

const outside = AsyncLocalStorage.snapshot();

/** Calls `fn` as a connection would that received something: later, and outside of what was active at the send. */
export function later(fn) {
  setImmediate(outside, fn);
}
