/**
 * Returns a module of Node's, or `undefined` on a runtime without it. An import would keep the file from being loaded there.
 *
 * @param id With its prefix: `node:util`.
 */
export function nodeModule<Module>(id: string): Module | undefined {
  try {
    return globalThis.process?.getBuiltinModule?.(id) as Module | undefined;
  } catch {
    // The edge runtime of Next.js has a `process` that throws when a member is read that it does not have.
    return undefined;
  }
}
