import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Attributes,
  type Context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import { activeContext, extractContext, runInContext } from '@throughline/core';
import { errorType, guarded, Operation, redaction, registeredApi } from '@throughline/core/seam';
import type { GraphqlSetup, GraphqlTraceOptions, LoaderUnderTest, ServedGraphql } from '@throughline/testing';
import {
  buildSchema,
  type DocumentNode,
  execute,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  Kind,
  type OperationDefinitionNode,
  parse,
  subscribe,
  validate,
} from 'graphql';

export const GRAPHQL_FAULTS = [
  'names spans by the operation',
  'names anonymous operations',
  'takes the first operation of a document',
  'records the document',
  'makes one span of a batch',
  'sets attributes after the start',
  'names no schema',
  'names no route',
  'executes outside of its context',
  'executes everything in the context of the first',
  'drops an unsampled context',
  'links no caller',
  'shows no error in a 200',
  'records secrets of errors',
  'records nothing of what it refuses',
  'quotes what it refuses',
  'records the name that the client asked for',
  'ends a subscription when it has started',
  'leaves the span of a subscription open',
  'takes every event for good',
  'records what it is to ignore',
  'uses the global provider only',
  'names no span as asked',
  'calls hooks twice',
  'captures secrets',
  'has no limit for resolvers',
  'takes every resolver for good',
  'takes any option',
  'throws when a callback throws',
  'throws when the propagator throws',
  'throws when the tracer throws',
  'loses the trace without an SDK',
  'needs an SDK to answer',
  'answers bad documents with another status',
] as const;

export type GraphqlFault = (typeof GRAPHQL_FAULTS)[number];

interface Asked {
  readonly query?: unknown;
  readonly operationName?: string | null;
  readonly variables?: Record<string, unknown>;
}

interface Running {
  readonly operation: Operation;
  resolversLeft: number;
}

const OPTIONS = ['tracerProvider', 'ignore', 'spanName', 'attributes', 'requestHook', 'responseHook'];
const SCHEMA = { schemaUrl: 'https://opentelemetry.io/schemas/1.45.0' };
const ERRORS = 'throughline.graphql.errors';

/** Returns how a GraphQL server on node:http serves an application: as the kit demands, or with one fault. */
export function graphqlReference(fault?: GraphqlFault) {
  const has = (one: GraphqlFault) => one === fault;
  return (setup: GraphqlSetup): Promise<ServedGraphql> => new Reference(setup, has).serve();
}

class Reference {
  readonly #options: GraphqlTraceOptions | undefined;
  readonly #has: (fault: GraphqlFault) => boolean;
  readonly #schema: ReturnType<typeof buildSchema>;
  readonly #running = new Map<object, Running>();
  #first: Context | undefined;

  constructor({ typeDefs, resolvers, traceOptions }: GraphqlSetup, has: (fault: GraphqlFault) => boolean) {
    this.#options = traceOptions;
    this.#has = has;
    this.#schema = buildSchema(typeDefs);
    if (traceOptions !== undefined && !has('takes any option')) check(traceOptions);
    for (const [typeName, fields] of Object.entries(resolvers))
      for (const [name, given] of Object.entries(fields)) {
        const field = (this.#schema.getType(typeName) as GraphQLObjectType).getFields()[name];
        if (field === undefined) continue;
        const { resolve, subscribe = undefined } = typeof given === 'function' ? { resolve: given } : given;
        field.resolve = this.#traced(`${typeName}.${name}`, resolve as never);
        if (subscribe !== undefined) field.subscribe = subscribe as never;
      }
  }

  async serve(): Promise<ServedGraphql> {
    const server = createServer((req, res) => void this.#answer(req, res));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
      close() {
        server.closeAllConnections();
        server.close();
      },
    };
  }

  /** Calls what the application gave, without a guard where that is the fault. */
  #call<T>(callback: () => T, otherwise: T): T {
    return this.#has('throws when a callback throws')
      ? callback()
      : guarded('a callback threw', callback, otherwise);
  }

  #traced(name: string, resolve: GraphQLFieldResolver<unknown, object>): typeof resolve {
    return (...args) => {
      const running = this.#running.get(args[2]);
      const { resolverSpans = 0 } = this.#options ?? {};
      const limited = !this.#has('has no limit for resolvers');
      if (running === undefined || resolverSpans === 0 || (limited && running.resolversLeft-- <= 0))
        return resolve(...args);
      const start = { tracer: trace.getTracer('graphql reference'), name, kind: SpanKind.INTERNAL };
      const operation = new Operation(running.operation.context, start);
      if (!this.#has('takes every resolver for good')) return operation.follow(() => resolve(...args));
      operation.end();
      return resolve(...args);
    };
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      let text = '';
      for await (const piece of req) text += piece;
      const { headers } = req;
      let parent = this.#has('throws when the propagator throws')
        ? propagation.extract(ROOT_CONTEXT, headers)
        : extractContext(headers as Record<string, string>);
      if (this.#has('needs an SDK to answer') && registeredApi().trace === undefined)
        throw new Error('no SDK');
      if (this.#has('loses the trace without an SDK') && registeredApi().trace === undefined)
        parent = ROOT_CONTEXT;
      if (this.#has('drops an unsampled context') && trace.getSpanContext(parent)?.traceFlags === 0)
        parent = ROOT_CONTEXT;
      const route = this.#has('names no route') ? {} : { 'http.route': '/graphql' };
      const request = new Operation(parent, {
        tracer: registeredApi().trace && trace.getTracer('http reference'),
        name: this.#has('names no route') ? 'POST' : 'POST /graphql',
        kind: SpanKind.SERVER,
        attributes: { 'http.request.method': 'POST', ...route },
      });
      res.once('close', () => request.end());
      await request.run(() => this.#serveRequest(JSON.parse(text), request, req, res));
    } catch (error) {
      res.writeHead(500).end(JSON.stringify({ errors: [{ message: String(error) }] }));
    }
  }

  async #serveRequest(
    asked: Asked | Asked[],
    request: Operation,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> {
    const isStream = req.headers.accept === 'text/event-stream';
    if (isStream && !Array.isArray(asked)) return this.#stream(asked, request, res);
    const one = (each: Asked) => this.#execute(each, request) as Promise<{ errors?: readonly unknown[] }>;
    const batch =
      this.#has('makes one span of a batch') && Array.isArray(asked) ? asked.slice(0, 1) : undefined;
    const answers = await Promise.all((batch ?? [asked].flat()).map(one));
    const refused = this.#has('answers bad documents with another status') && this.#options !== undefined;
    res.writeHead(refused && answers[0]?.errors !== undefined ? 400 : 200, {
      'content-type': 'application/json',
    });
    res.end(JSON.stringify(Array.isArray(asked) ? answers : answers[0]));
  }

  async #stream(asked: Asked, request: Operation, res: ServerResponse): Promise<void> {
    const events = (await this.#execute(asked, request, true)) as AsyncGenerator<unknown>;
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.once('close', () => void events.return(undefined));
    for await (const event of events) res.write(`data: ${JSON.stringify(event)}\n\n`);
    res.end();
  }

  /** Executes one operation in a span of its own, and returns its answer or its events. */
  async #execute(asked: Asked, request: Operation, streamed = false): Promise<unknown> {
    const { query, operationName, variables } = asked;
    let document: DocumentNode | undefined;
    let refusal: { errors: readonly unknown[]; type: string } | undefined;
    try {
      document = parse(String(query ?? ''));
      const errors = validate(this.#schema, document);
      if (errors.length > 0) refusal = { errors, type: 'GRAPHQL_VALIDATION_FAILED' };
    } catch (error) {
      refusal = { errors: [error], type: 'GRAPHQL_PARSE_FAILED' };
    }
    const contextValue = {};
    const span = this.#start(asked, document, contextValue);
    const { operation } = span;
    if (refusal !== undefined) {
      if (!this.#has('records nothing of what it refuses')) span.end(refusal.errors, refusal.type);
      return { errors: refusal.errors };
    }
    const args = {
      schema: this.#schema,
      document: document as DocumentNode,
      operationName,
      variableValues: variables,
      contextValue,
    };
    this.#first ??= operation.context;
    const own = this.#has('executes everything in the context of the first')
      ? this.#first
      : operation.context;
    const active = this.#has('executes outside of its context') ? request.context : own;
    const answer = await runInContext(active, () => (streamed ? subscribe(args) : execute(args)));
    if (!(Symbol.asyncIterator in answer)) {
      span.end(answer.errors ?? []);
      return answer;
    }
    if (this.#has('ends a subscription when it has started')) span.end([]);
    return this.#events(answer, active, span.end);
  }

  #events(
    source: AsyncGenerator<{ errors?: readonly unknown[] }, unknown, unknown>,
    active: Context,
    end: (errors: readonly unknown[]) => void,
  ) {
    const errors: unknown[] = [];
    const over = () => {
      if (!this.#has('leaves the span of a subscription open')) end(errors);
    };
    return {
      next: () =>
        runInContext(active, async () => {
          const { done = false, value } = await source.next();
          if (done) over();
          else if (!this.#has('takes every event for good'))
            errors.push(...((value as { errors?: unknown[] }).errors ?? []));
          return { done, value };
        }),
      async return() {
        over();
        void source.return(undefined);
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #start(asked: Asked, document: DocumentNode | undefined, contextValue: object) {
    const options = this.#options ?? {};
    const operations = (document?.definitions ?? []).filter((one) => one.kind === Kind.OPERATION_DEFINITION);
    const node = this.#chosen(operations, asked.operationName);
    const record = { type: node?.operation as string | undefined, name: node?.name?.value };
    const ignored = this.#options === undefined || this.#call(() => options.ignore?.(record), false) === true;
    const isRecorded =
      registeredApi().trace !== undefined && (!ignored || this.#has('records what it is to ignore'));
    const provider =
      (!this.#has('uses the global provider only') && options.tracerProvider) || trace.getTracerProvider();
    const tracer = isRecorded
      ? provider.getTracer('graphql reference', '1.0', this.#has('names no schema') ? {} : SCHEMA)
      : undefined;
    if (this.#has('throws when the tracer throws')) tracer?.startSpan('probe').end();
    const standard = record.type ?? 'GraphQL Operation';
    const attributes = {
      ...this.#attributes(record, asked),
      ...this.#call(() => options.attributes?.(record), {}),
    };
    const late = this.#has('sets attributes after the start');
    const named = this.#has('names no span as asked')
      ? undefined
      : this.#call(() => options.spanName?.(record), undefined);
    const name = this.#has('names spans by the operation')
      ? `${standard} ${record.name}`
      : (named ?? standard);
    const parent = activeContext();
    const operation = new Operation(parent, {
      tracer,
      name,
      kind: SpanKind.SERVER,
      ...(!late && { attributes }),
    });
    if (late) operation.describe(attributes);
    this.#running.set(contextValue, { operation, resolversLeft: options.resolverSpans ?? 0 });
    const { span } = operation;
    const calls = this.#has('calls hooks twice') ? 2 : 1;
    for (let call = 0; call < calls; call += 1)
      if (span?.isRecording()) this.#call(() => options.requestHook?.({ span, request: record }), undefined);
    return {
      operation,
      end: (errors: readonly unknown[], type?: string) =>
        this.#end(operation, trace.getSpan(parent), record, errors, type),
    };
  }

  #chosen(operations: OperationDefinitionNode[], operationName: string | null | undefined) {
    if (this.#has('takes the first operation of a document')) return operations[0];
    if (operationName === undefined || operationName === null)
      return operations.length === 1 ? operations[0] : undefined;
    return operations.find((one) => one.name?.value === operationName);
  }

  #attributes(
    { type, name }: { type: string | undefined; name: string | undefined },
    asked: Asked,
  ): Attributes {
    const { captureDocument = false, captureVariables = [] } = this.#options ?? {};
    const word = this.#has('captures secrets') ? String : redaction.text;
    const asName = this.#has('records the name that the client asked for') ? asked.operationName : undefined;
    const own = asName ?? name ?? (this.#has('names anonymous operations') ? 'anonymous' : undefined);
    const variables = Object.entries(asked.variables ?? {}).filter(([key]) => captureVariables.includes(key));
    return {
      ...(type !== undefined && { 'graphql.operation.type': type }),
      ...(own !== undefined && { 'graphql.operation.name': own.slice(0, 256) }),
      ...((captureDocument || this.#has('records the document')) && {
        'graphql.document': word(String(asked.query)),
      }),
      ...(variables.length > 0 && {
        'throughline.graphql.variables': word(JSON.stringify(Object.fromEntries(variables))),
      }),
    };
  }

  #end(
    operation: Operation,
    request: Span | undefined,
    record: object,
    given: readonly unknown[],
    type?: string,
  ): void {
    const errors = this.#has('shows no error in a 200') ? [] : given;
    const [first] = errors as { path?: unknown; originalError?: unknown; message?: string }[];
    const thrown = first?.path === undefined ? undefined : first.originalError;
    const quoted = this.#has('quotes what it refuses') ? first : undefined;
    const error = thrown ?? quoted;
    const redact = this.#has('records secrets of errors') ? { redact: (text: string) => text } : {};
    operation.end({
      errorType: first && (type ?? errorType(thrown ?? first)),
      failure: error === undefined ? undefined : { error, ...redact },
      complete: () => (errors.length > 0 ? { [ERRORS]: errors.length } : {}),
      hook: (span) => {
        const { responseHook } = this.#options ?? {};
        this.#call(
          () => responseHook?.({ span, request: record, outcome: { errors: errors.length } }),
          undefined,
        );
      },
    });
    if (errors.length === 0 || request?.isRecording() !== true) return;
    const shown = (request as Span & { attributes?: Attributes }).attributes?.[ERRORS];
    request.setAttribute(ERRORS, Number(shown ?? 0) + errors.length);
  }
}

function check(options: GraphqlTraceOptions): void {
  for (const [name, value] of Object.entries(options)) {
    const isFunction = OPTIONS.includes(name) && (typeof value === 'function' || name === 'tracerProvider');
    const isOther = name === 'captureDocument' || (name === 'captureVariables' && Array.isArray(value));
    if (!isFunction && !isOther && !(name === 'resolverSpans' && Number(value) >= 0))
      throw new TypeError(name);
  }
}

/** Returns how a loader collects the keys of one turn into a batch. */
export function referenceLoader(fault?: GraphqlFault) {
  return (loadBatch: (keys: readonly string[]) => Promise<string[]>): LoaderUnderTest => {
    let waiting: { key: string; caller: Context; done: (value: string) => void }[] = [];
    const dispatch = async () => {
      const batch = waiting;
      waiting = [];
      const links = batch
        .flatMap(({ caller }) => trace.getSpanContext(caller) ?? [])
        .map((context) => ({ context }));
      const caller = batch[0]?.caller ?? ROOT_CONTEXT;
      const parent = (trace.getSpan(caller) as { parentSpanContext?: never } | undefined)?.parentSpanContext;
      const operation = new Operation(parent === undefined ? caller : trace.setSpanContext(caller, parent), {
        tracer: trace.getTracer('reference'),
        name: 'load names',
        kind: SpanKind.INTERNAL,
        links: fault === 'links no caller' ? [] : links,
      });
      const values = await operation.follow(() => loadBatch(batch.map(({ key }) => key)));
      for (const [i, { done }] of batch.entries()) done(values[i] as string);
    };
    return {
      load: (key) =>
        new Promise((done) => {
          if (waiting.push({ key, caller: activeContext(), done }) === 1) setImmediate(dispatch);
        }),
    };
  };
}
