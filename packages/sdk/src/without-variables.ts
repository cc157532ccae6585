/**
 * What `create` returns, run while the variables of these names are out of the environment.
 *
 * The SDK's packages read some variables by themselves. Of a wrong one they would report a second time what was reported
 * already, and not all of them read it alike.
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
