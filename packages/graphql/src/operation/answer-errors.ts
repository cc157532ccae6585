/** What is read of an error in an answer: one of GraphQL's own, or what is left of it after formatting. */
interface AnswerError {
  readonly path?: unknown;
  readonly originalError?: unknown;
  readonly extensions?: { readonly code?: unknown } | undefined;
}

/** A code such as `BAD_USER_INPUT`: one of few, written by programs for programs. */
const CODE = /^[A-Z][A-Z0-9_]{2,63}$/;

/** Returns the errors of an answer, or of one event of a subscription. */
export function errorsOf(answer: unknown): readonly unknown[] {
  const { errors } = (answer ?? {}) as { readonly errors?: unknown };
  return Array.isArray(errors) ? errors : [];
}

/** Returns the code in an error's extensions, if it has the form of one. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as AnswerError | undefined)?.extensions?.code;
  return typeof code === 'string' && CODE.test(code) ? code : undefined;
}

/**
 * Returns the error that a resolver threw, or `undefined`. Only those are recorded with their message: messages about the request
 * itself quote the document and the variables.
 */
export function thrownByResolver(error: unknown): unknown {
  const { path, originalError } = (error ?? {}) as AnswerError;
  return Array.isArray(path) ? (originalError ?? undefined) : undefined;
}
