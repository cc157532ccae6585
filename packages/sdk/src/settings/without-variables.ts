/**
 * Returns what `create` returns, called while these variables are removed from the environment.
 *
 * The SDK's packages read some variables themselves. They would report the mistakes in them a second time, and not all of
 * them read a variable alike.
 */
export function withoutVariables<T>(names: readonly string[], create: () => T): T {
  const values = names.map((name) => [name, process.env[name]] as const);
  try {
    for (const name of names) delete process.env[name];
    return create();
  } finally {
    for (const [name, value] of values) if (value !== undefined) process.env[name] = value;
  }
}
