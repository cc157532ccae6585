import { guarded, Scope } from '@throughline/core/seam';
import type { GraphqlOptions } from '../operation/graphql-options.ts';
import { createGraphqlTracer } from '../operation/graphql-tracer.ts';
import { type Document, operationRecord } from '../operation/operation-record.ts';
import { attachedOperation, attachOperation, prepareContextValue } from '../schema/attached-operation.ts';
import { type Schema, traceResolvers, traceSubscriptions } from '../schema/traced-schema.ts';

export type { GraphqlOptions } from '../operation/graphql-options.ts';

type Hook = (...args: never[]) => unknown;

/** What is read of a Fastify application. */
interface Application {
  addHook(name: never, hook: never): unknown;
  readonly graphql?: { addHook(name: never, hook: never): void } | undefined;
}

/** What a client sent for one operation. */
interface Asked {
  readonly operationName?: unknown;
  readonly variables?: unknown;
}

interface Reply {
  readonly statusCode: number;
}

interface MercuriusContext {
  readonly reply?: { readonly request?: { readonly body?: unknown; readonly query?: unknown } } | undefined;
  /** The place of the operation in a batch. */
  readonly operationId?: number | undefined;
}

/** The error that mercurius answers with to documents that cannot be parsed or are not valid, and its status. */
const REFUSED = 'MER_ERR_GQL_VALIDATION';
const REFUSED_STATUS = 400;

/**
 * Returns a Fastify plugin that makes one span of each operation that mercurius serves.
 *
 * Register it before mercurius. The span covers the execution, and for a subscription all of its events. An operation that is refused
 * before has a span that ends when the answer is sent. The hooks of mercurius cannot wrap the execution, so the resolvers of the schema
 * are replaced by ones that run in the operation's context.
 *
 * @throws TypeError when an option has the wrong type. Never throws while serving.
 * @see https://opentelemetry.io/docs/specs/semconv/graphql/graphql-spans/
 * @example
 * await app.register(traceGraphql());
 * await app.register(mercurius, { schema, resolvers });
 */
export function traceGraphql(options: GraphqlOptions = {}): (app: Application) => Promise<void> {
  const scope = new Scope('graphql', 'traceGraphql()');
  const tracer = createGraphqlTracer(options, scope);
  /** The operations of each reply, with their documents as far as they could be parsed. */
  const asked = new WeakMap<object, Map<MercuriusContext, Document | undefined>>();

  function note(context: MercuriusContext, document?: Document): void {
    const { reply } = context;
    if (reply === undefined) return;
    const operations = asked.get(reply) ?? new Map();
    asked.set(reply, operations.set(context, document));
  }

  function preParsing(_schema: Schema, _source: string, context: MercuriusContext): void {
    note(context);
  }

  function preValidation(_schema: Schema, document: Document, context: MercuriusContext): void {
    note(context, document);
  }

  function preExecution(
    schema: Schema,
    document: Document,
    context: MercuriusContext,
    variables: unknown,
  ): void {
    const { operationName } = askedIn(context);
    const operation = tracer.start(operationRecord(document, operationName, variables));
    attachOperation(context, operation);
    traceResolvers(schema);
  }

  function onResolution(execution: unknown, context: MercuriusContext): void {
    const operation = attachedOperation(context);
    operation?.note(execution);
    operation?.end();
  }

  /** One event. */
  function onSubscriptionResolution(execution: unknown, context: MercuriusContext): void {
    attachedOperation(context)?.note(execution);
  }

  /** What was refused or failed reaches no hook of mercurius. */
  function onSend(_request: unknown, reply: Reply, _payload: unknown, done: () => void): void {
    // A hook of the application may have refused it, too; and the answers of a batch have no status of their own.
    const errorType = reply.statusCode === REFUSED_STATUS ? REFUSED : '_OTHER';
    guarded('the operations of a reply could not be traced', () => {
      for (const [context, document] of asked.get(reply) ?? []) {
        const operation = attachedOperation(context);
        const { operationName, variables } = askedIn(context);
        if (operation === undefined)
          tracer.refuse(operationRecord(document, operationName, variables), [{}], errorType);
        else operation.fail(undefined);
      }
    });
    done();
  }

  function preSubscriptionExecution(schema: Schema, _document: Document, context: MercuriusContext): void {
    prepareContextValue(context);
    traceResolvers(schema);
    traceSubscriptions(schema, tracer);
  }

  async function traceMercurius(app: Application): Promise<void> {
    if (app.graphql !== undefined) throw scope.error('register it before mercurius');
    app.addHook('onSend' as never, onSend as never);
    const onReady = async () => {
      const { graphql } = app;
      if (graphql === undefined) throw scope.error('mercurius is not registered in the same place');
      const hooks: Record<string, Hook> = {
        preParsing,
        preValidation,
        preExecution,
        onResolution,
        preSubscriptionExecution,
        onSubscriptionResolution,
      };
      for (const [name, hook] of Object.entries(hooks))
        graphql.addHook(
          name as never,
          (async (...args: never[]) => guarded(`${name} failed`, () => void hook(...args))) as never,
        );
    };
    app.addHook('onReady' as never, onReady as never);
  }
  // Fastify's marks of a plugin whose hooks are for the application that registers it, and of its name.
  return Object.assign(traceMercurius, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: '@throughline/graphql',
  });
}

function askedIn({ reply, operationId }: MercuriusContext): Asked {
  const { body, query } = reply?.request ?? {};
  const sent = Array.isArray(body) ? body[operationId ?? 0] : (body ?? query);
  return typeof sent === 'object' && sent !== null ? sent : {};
}
