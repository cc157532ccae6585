const MAX_REMEMBERED = 100;

/** Returns `fn` with the results of the last texts kept: the same few targets and peers come with every call. */
export function remembered<T extends object>(
  fn: (text: string) => T | undefined,
): (text: string) => T | undefined {
  const results = new Map<string, T>();
  return (text) => {
    const kept = results.get(text);
    if (kept !== undefined) return kept;
    const result = fn(text);
    // Peers choose some of the texts.
    if (results.size === MAX_REMEMBERED) results.clear();
    if (result !== undefined) results.set(text, result);
    return result;
  };
}
