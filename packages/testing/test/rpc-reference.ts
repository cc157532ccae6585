import {
  type Attributes,
  type Context,
  context,
  metrics,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import { activeContext, carrierGetter, extractContext, injectContext, runInContext } from '@throughline/core';
import {
  admit,
  createTrustDecider,
  filterBaggage,
  guarded,
  ignoreRequest,
  Operation,
  propagatorOf,
  receive,
  Scope,
  semconv,
} from '@throughline/core/seam';
import {
  RpcFailure,
  type RpcKind,
  type RpcSetup,
  type RpcToHandle,
  type RpcToMake,
  type RpcUnderTest,
} from '@throughline/testing';

/** What the reference can be made to do wrong. */
export const RPC_FAULTS = [
  'sends no context',
  'sends the context of the caller, not of the call',
  'drops baggage',
  'drops tracestate',
  'sends nothing when unsampled',
  'serves calls outside their context',
  'serves all calls in the context of the first',
  'loses the context after the first step',
  'changes the metadata that it is given',
  "drops the application's metadata",
  'appends a second traceparent',
  'makes a span for each attempt',
  'believes a malformed traceparent',
  'believes the first of several traceparents',
  'invents a caller',
  'refuses large metadata',
  'trusts every caller',
  'calls listeners outside their context',
  "calls the client back outside the caller's context",
  'names spans by the service',
  'names the service apart',
  'names no peer',
  'records every method',
  'sets attributes after the start',
  'names no schema',
  'marks no span',
  'marks every status on both sides',
  'records exceptions by number',
  'never ends what is given up',
  "records the handler's status instead of the one that was sent",
  'ends streams at their first message',
  'measures microseconds',
  'measures no error',
  'ignores no call',
  'uses the global parts',
  'sends to everyone',
  'sends to no one who is listed',
  'sends baggage to everyone',
  'sends every baggage entry',
  'adds no attributes',
  'calls no hooks',
  'checks no options',
  'lets options throw',
  'lets hooks throw',
  'lets the SDK throw',
  'makes up a traceparent without an SDK',
  'passes nothing on without an SDK',
] as const;

export type RpcFault = (typeof RPC_FAULTS)[number];

export const REFERENCE_METHODS: Readonly<Record<RpcKind, string>> = {
  unary: 'reference.Echo/Unary',
  clientStream: 'reference.Echo/ClientStream',
  serverStream: 'reference.Echo/ServerStream',
  bidi: 'reference.Echo/Bidi',
};

const SERVER_ERRORS = [
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
];
const PEER = { 'network.peer.address': '127.0.0.1', 'network.peer.port': 50_051 };
const SERVER = { 'server.address': '127.0.0.1', 'server.port': 50_051 };
const OPTIONS = ['tracerProvider', 'meterProvider', 'propagator', 'ignore', 'attributes'];
const HOOKS = ['requestHook', 'responseHook'];
const MAX_MESSAGE = 4_000_000;

type Pairs = [name: string, value: string][];
type SideOptions = Exclude<RpcSetup['server'], false> & Exclude<RpcSetup['client'], false>;

/** A call that is traced on one side. */
interface TracedCall {
  readonly context: Context;
  readonly inject: (pairs: Pairs) => void;
  end(status: string): void;
}

/** Returns what connects a client to a server in this process, traced by hand, with a fault or without. */
export function connectRpcReference(fault?: RpcFault) {
  const has = (one: RpcFault) => fault === one;
  const lenient = <T>(one: RpcFault, fn: () => T, otherwise: T): T =>
    has(one) ? fn() : guarded('reference', fn, otherwise);
  let firstServed: Context | undefined;

  function check(options: object, more: Record<string, (value: unknown) => boolean>): void {
    if (has('checks no options')) return;
    for (const [name, value] of Object.entries(options)) {
      const isFunction = ['ignore', 'attributes', ...HOOKS].includes(name);
      const accepts =
        more[name] ?? ((given: unknown) => typeof given === (isFunction ? 'function' : 'object'));
      const known = name in more || OPTIONS.includes(name) || HOOKS.includes(name);
      const isPropagator = name !== 'propagator' || 'inject' in Object(value);
      if (!known || !accepts(value) || !isPropagator) throw new TypeError(`options.${name}`);
    }
  }

  function tracer(options: SideOptions) {
    const provider = has('uses the global parts') ? undefined : options.tracerProvider;
    if (has('names no schema')) return (provider ?? trace).getTracer('reference', '1.0.0');
    return new Scope('reference', 'connect()').tracer(provider)();
  }

  function propagator(options: SideOptions) {
    return propagatorOf(has('uses the global parts') ? undefined : options.propagator);
  }

  function measure(side: 'client' | 'server', identity: Attributes) {
    return (seconds: number, { measured, errorType }: { measured?: Attributes; errorType?: string }) =>
      guarded('reference', () =>
        metrics
          .getMeter('reference')
          .createHistogram(`rpc.${side}.call.duration`, {
            unit: 's',
            advice: { explicitBucketBoundaries: semconv.DURATION_BUCKETS },
          })
          .record(has('measures microseconds') ? seconds * 1e6 : seconds, {
            ...identity,
            ...measured,
            ...(errorType !== undefined && !has('measures no error') && { 'error.type': errorType }),
          }),
      );
  }

  /** Starts the span of one side, and returns the call. */
  function traced(
    side: 'client' | 'server',
    method: string,
    options: SideOptions,
    parent: Context,
  ): TracedCall {
    const request = { method };
    const { ignore, attributes, requestHook, responseHook } = options;
    if (has('lets the SDK throw')) {
      propagation.inject(context.active(), {});
      metrics.getMeter('probe').createHistogram('probe').record(1);
      trace.getTracer('probe').startSpan('probe').end();
    }
    const ignored =
      ignore !== undefined &&
      lenient('lets options throw', () => ignore(request), false) &&
      !has('ignores no call');
    const inject = (ctx: Context) => (pairs: Pairs) => send(ctx, pairs, options);
    if (ignored) {
      const kept = ignoreRequest(parent);
      return { context: kept, inject: inject(kept), end() {} };
    }
    const isOther = options.methods?.includes(method) === false && !has('records every method');
    const [service = '', name] = method.split('/');
    const identity: Attributes = {
      'rpc.system.name': 'reference',
      'rpc.method': isOther ? '_OTHER' : method,
      ...(side === 'client' && SERVER),
    };
    const described = {
      ...identity,
      ...SERVER,
      ...(!has('names no peer') && { ...PEER, ...(side === 'server' && { 'client.address': '127.0.0.1' }) }),
      ...(isOther && { 'rpc.method_original': method }),
      ...(has('names the service apart') && { 'rpc.of': service }),
      ...(!has('adds no attributes') &&
        lenient('lets options throw', () => attributes?.(request), undefined)),
    };
    const late = has('sets attributes after the start');
    const operation = new Operation(
      parent,
      {
        tracer: tracer(options),
        name: isOther ? 'reference' : has('names spans by the service') ? `${service}.${name}` : method,
        kind: side === 'client' ? SpanKind.CLIENT : SpanKind.SERVER,
        attributes: late ? {} : described,
      },
      measure(side, identity) as never,
    );
    const { span } = operation;
    if (late) operation.describe(described);
    if (span?.isRecording() && requestHook && !has('calls no hooks'))
      lenient('lets hooks throw', () => requestHook({ span, request }), undefined);
    return {
      context: operation.context,
      inject: inject(has('sends the context of the caller, not of the call') ? parent : operation.context),
      end(status) {
        const counts = side === 'client' ? status !== 'OK' : SERVER_ERRORS.includes(status);
        const isError = has('marks every status on both sides') ? status !== 'OK' : counts;
        const outcome = { statusCode: status };
        if (isError && has('records exceptions by number'))
          span?.recordException({ code: 13, message: status });
        if (has('lets hooks throw') && span) responseHook?.({ span, request, outcome });
        operation.end({
          errorType: isError && !has('marks no span') ? status : undefined,
          measured: { 'rpc.status_code': status },
          complete: () => ({ 'rpc.status_code': status }),
          ...(responseHook &&
            !has('calls no hooks') && {
              hook: (ended) => guarded('reference', () => responseHook({ span: ended, request, outcome })),
            }),
        });
      },
    };
  }

  function send(ctx: Context, pairs: Pairs, options: SideOptions): void {
    const { propagateTo = 'all', baggageTo = 'private', baggageEntries = 'keep' } = options;
    const isListed =
      Array.isArray(propagateTo) &&
      propagateTo.includes('127.0.0.1') &&
      !has('sends to no one who is listed');
    const span = trace.getSpanContext(ctx);
    if (has('sends no context')) return;
    if (has('sends nothing when unsampled') && span?.traceFlags === 0) return;
    if (has('passes nothing on without an SDK') && span === undefined) return;
    if (propagateTo !== 'all' && !isListed && !has('sends to everyone')) return;
    const entries = has('sends every baggage entry') ? 'keep' : baggageEntries;
    const drops = has('drops baggage') || (baggageTo === 'none' && !has('sends baggage to everyone'));
    const before = pairs.filter(([name]) => name === 'traceparent');
    injectContext(pairs, {
      context: filterBaggage(ctx, drops ? 'drop' : entries),
      propagator: propagator(options),
    });
    if (has('appends a second traceparent')) pairs.push(...before, ['traceparent', '00-bad']);
    if (has('makes up a traceparent without an SDK') && span === undefined)
      pairs.push(['traceparent', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`]);
  }

  /** Returns the context that a caller brings. */
  function arrived(pairs: Pairs, method: string, options: SideOptions): Context {
    const values = pairs.filter(([name]) => name === 'traceparent').map(([, value]) => value);
    if (has('believes the first of several traceparents') && values.length > 0)
      return extractContext([['traceparent', values[0]?.split(',')[0] ?? '']]);
    const [hex] = /[0-9a-f]{32}/i.exec(values[0] ?? '') ?? [];
    if (has('invents a caller') || (has('believes a malformed traceparent') && hex))
      return trace.setSpanContext(ROOT_CONTEXT, {
        traceId: hex ?? 'a'.repeat(32),
        spanId: 'b'.repeat(16),
        traceFlags: 1,
        isRemote: true,
      });
    const carrier = has('drops tracestate') ? pairs.filter(([name]) => name !== 'tracestate') : pairs;
    const decide = createTrustDecider((has('trusts every caller') ? undefined : options.trust) ?? 'continue');
    if (has('lets options throw') && typeof options.trust === 'function') options.trust({ method });
    const arrival = receive(propagator(options), carrier, carrierGetter);
    const admission = admit(arrival, decide({ method }));
    if (admission.restartedFrom !== undefined) links.set(admission.context, admission.restartedFrom);
    return admission.context;
  }
  const links = new WeakMap<Context, object>();

  return ({ handler, server, client }: RpcSetup): RpcUnderTest => {
    if (server !== false)
      check(server, { trust: (value) => typeof value === 'function' || value !== 'never' });
    if (client !== false)
      check(client, {
        propagateTo: (value) => value !== 'some',
        baggageTo: (value) => !Array.isArray(value) || !value.includes('a/b'),
        baggageEntries: Array.isArray,
        methods: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
      });
    const killed = new AbortController();

    /** Serves one attempt, and returns its status as it was sent. */
    async function serve(
      call: RpcToMake,
      pairs: Pairs,
      givenUp: Promise<string>,
      emit: (message: string) => void,
    ): Promise<string> {
      const method = REFERENCE_METHODS[call.kind];
      const listeners: ((event: string) => void)[] = [];
      const parent = server === false ? ROOT_CONTEXT : arrived(pairs, method, server as SideOptions);
      const call_ = server === false ? undefined : traced('server', method, server as SideOptions, parent);
      const link = links.get(parent);
      if (link !== undefined && call_ !== undefined)
        trace.getSpan(call_.context)?.addLink({ context: link as never });
      const served = call_?.context ?? ROOT_CONTEXT;
      firstServed ??= served;
      const inside = has('serves calls outside their context')
        ? ROOT_CONTEXT
        : has('serves all calls in the context of the first')
          ? firstServed
          : served;
      const tell = (event: string) => {
        for (const listener of listeners)
          runInContext(has('calls listeners outside their context') ? ROOT_CONTEXT : inside, () =>
            listener(event),
          );
      };
      const toHandle: RpcToHandle = {
        kind: call.kind,
        messages: (async function* () {
          for (const message of call.messages) {
            tell('data');
            if (has('ends streams at their first message')) call_?.end('OK');
            yield message;
          }
          tell('end');
        })(),
        metadata: (name) => pairs.filter(([key]) => key === name).map(([, value]) => value),
        listen: (see) => listeners.push(see),
      };
      const answers = runInContext(inside, () => handler(toHandle)[Symbol.asyncIterator]());
      const run = async (): Promise<string> => {
        if (call.messages.some(({ length }) => length > MAX_MESSAGE)) return 'RESOURCE_EXHAUSTED';
        if (has('refuses large metadata') && JSON.stringify(pairs).length > 5_000)
          return 'RESOURCE_EXHAUSTED';
        try {
          for (let step = 0; ; step++) {
            const lost = has('loses the context after the first step') && step > 0;
            const { done, value } = await runInContext(lost ? ROOT_CONTEXT : inside, () => answers.next());
            if (done === true) return 'OK';
            emit(value);
          }
        } catch (error) {
          return error instanceof RpcFailure ? error.status : 'UNKNOWN';
        }
      };
      const over = givenUp.then((status) => {
        tell('cancelled');
        return status === 'UNAVAILABLE' ? 'CANCELLED' : status;
      });
      const byItself = new Promise<string>((resolve) => {
        if (call.serverTimeoutMs !== undefined)
          setTimeout(resolve, call.serverTimeoutMs, 'DEADLINE_EXCEEDED');
      });
      const status = await Promise.race([run(), over, byItself]);
      const isHandlers = !['CANCELLED', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED'].includes(status);
      if (
        isHandlers ||
        !has('never ends what is given up') ||
        call.serverTimeoutMs !== undefined ||
        status === 'RESOURCE_EXHAUSTED'
      )
        call_?.end(
          !isHandlers && has("records the handler's status instead of the one that was sent") ? 'OK' : status,
        );
      return status;
    }

    async function makeCall(call: RpcToMake) {
      const given: Pairs = Object.entries(call.metadata ?? {}).flatMap(([name, values]) =>
        [values].flat().map((value): [string, string] => [name, value as string]),
      );
      call.passed?.(given);
      const caller = activeContext();
      const see = (event: string) =>
        runInContext(has("calls the client back outside the caller's context") ? ROOT_CONTEXT : caller, () =>
          call.see?.(event),
        );
      const givenUp = new Promise<string>((resolve) => {
        call.signal?.addEventListener('abort', () => resolve('CANCELLED'));
        killed.signal.addEventListener('abort', () => resolve('UNAVAILABLE'));
        if (call.timeoutMs !== undefined) setTimeout(resolve, call.timeoutMs, 'DEADLINE_EXCEEDED');
      });
      const start = () =>
        client === false
          ? undefined
          : traced('client', REFERENCE_METHODS[call.kind], client as SideOptions, caller);
      let sent = start();
      const pairs: Pairs = has('changes the metadata that it is given') ? given : [...given];
      if (has("drops the application's metadata")) pairs.length = 0;
      sent?.inject(pairs);
      for (let attempt = 1; ; attempt++) {
        const messages: string[] = [];
        const served = runInContext(ROOT_CONTEXT, () =>
          serve(call, pairs, givenUp, (message) => messages.push(message)),
        );
        const status = await Promise.race([served, givenUp]);
        if (status === 'UNAVAILABLE' && call.kind === 'unary' && attempt < 2 && !killed.signal.aborted) {
          if (!has('makes a span for each attempt')) continue;
          sent?.end(status);
          sent = start();
          sent?.inject(pairs);
          continue;
        }
        see('callback');
        const isGivenUp = ['CANCELLED', 'DEADLINE_EXCEEDED'].includes(status);
        if (!isGivenUp || !has('never ends what is given up')) sent?.end(status);
        await Promise.race([served, givenUp]);
        return { messages, status };
      }
    }

    return { call: makeCall, kill: () => killed.abort() };
  };
}
