/** The part of a parsed document that is read. */
export interface Document {
  readonly definitions?: readonly Definition[];
  readonly loc?: { readonly source?: { readonly body?: string } } | undefined;
}

interface Definition {
  readonly kind: string;
  readonly operation?: string;
  readonly name?: { readonly value: string } | undefined;
}

export type OperationType = 'query' | 'mutation' | 'subscription';

/** What a client asked for, as options and hooks receive it. */
export interface GraphqlOperationRecord {
  /** Absent: the document could not be parsed, or names no operation that is to be executed. */
  readonly type?: OperationType | undefined;
  /** As written in the document; the client chooses it. Absent: the operation is anonymous, or there is none. */
  readonly name?: string | undefined;
  /** The text of the document. Absent: it could not be parsed, or was parsed without its text. */
  readonly document?: string | undefined;
  /** As the client sent them. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

const TYPES: ReadonlySet<unknown> = new Set<OperationType>(['query', 'mutation', 'subscription']);

/**
 * Returns the record of the operation that `operationName` chooses in `document`. Without a name, it is the only one.
 *
 * Reads what a client sent: anything may be missing.
 */
export function operationRecord(
  document: Document | undefined,
  operationName: unknown,
  variables?: unknown,
): GraphqlOperationRecord {
  const operations = (document?.definitions ?? []).filter(({ kind }) => kind === 'OperationDefinition');
  const chosen =
    operationName === undefined || operationName === null
      ? operations.length === 1
        ? operations[0]
        : undefined
      : operations.find(({ name }) => name?.value === operationName);
  return {
    type: TYPES.has(chosen?.operation) ? (chosen?.operation as OperationType) : undefined,
    name: chosen?.name?.value,
    document: document?.loc?.source?.body,
    variables: typeof variables === 'object' && variables !== null ? { ...variables } : undefined,
  };
}
