import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  type Context,
  context,
  type Link,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type {
  HandlerOutcome,
  MessageToHandle,
  MessageToSend,
  MessagingClientUnderTest,
  MessagingTraceOptions,
} from '@throughline/testing';

/** Ways in which a messaging client can be wrong; each is planted into the reference client below, one at a time. */
export const MESSAGING_FAULTS = [
  'sends no context',
  'injects the context of the sender, not of the send',
  'appends a second traceparent',
  'drops baggage',
  'replaces the baggage of the message',
  'does not inject when unsampled',
  'overwrites a creation context',
  'changes the metadata that it is given',
  "drops the application's metadata",
  'handles messages outside their context',
  'handles all messages in the context of the first',
  "handles messages in the subscriber's trace",
  'never links',
  'keeps the baggage of what it only links',
  'trusts every message',
  'tells everyone the baggage',
  'sends every baggage entry',
  'names everything',
  'always continues',
  'never continues',
  'ignores the age of a message',
  'believes a malformed traceparent',
  'drops messages with large metadata',
  'handles a message once per traceparent',
  'believes the first of several traceparents',
  'ignores what replaces a method',
  'hands the bare client back',
  'reads names in lower case only',
  'calls the handler twice',
  'wraps errors',
  'ends the span when the handler is called',
  'leaves the span of a synchronous handler open',
  'calls failures a success',
  'names the broker on process spans only',
  'names the broker on send spans only',
  'records secrets of errors',
  'names spans by the message',
  'sets attributes after the start',
  'names no schema',
  'settles in a trace of its own',
  'gives all messages of a batch one context',
  'makes no span for the messages of a batch',
  'links a batch to its first message only',
  'records no metric',
  'counts batches instead of messages',
  'counts messages of a batch twice',
  'measures milliseconds',
  'forgets the context of what it ignores',
  'records what it is to ignore',
  'uses the global providers only',
  'uses no template',
  'adds no attributes',
  'takes any option',
  'throws when a callback throws',
  'throws when the propagator throws',
  'throws when the tracer throws',
  'throws when the meter throws',
  'makes up a trace without an SDK',
  'loses the trace without an SDK',
  'needs an SDK to call the handler',
  'removes fields without an SDK',
] as const;

export type MessagingFault = (typeof MESSAGING_FAULTS)[number];

export const REFERENCE_NAMES = {
  send: 'send things',
  process: 'process things',
  create: 'create things',
  receive: 'receive things',
  settle: 'ack things',
} as const;

interface Stored {
  readonly body: string;
  readonly metadata: Readonly<Record<string, string | readonly string[]>>;
  readonly timestamp: number;
}

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const FIELDS = ['traceparent', 'tracestate', 'baggage'];
const OPTIONS = new Set([
  'tracerProvider',
  'meterProvider',
  'propagator',
  'relation',
  'maxAge',
  'trust',
  'baggageTo',
  'baggageEntries',
  'ignore',
  'destinationTemplate',
  'attributes',
]);

/** The fields of the message being handled, for the case that nobody is registered who could read them. */
const received = new AsyncLocalStorage<Record<string, string>>();
/** A hand-written tracing client over a queue in memory: correct without a fault. */
export function connectMessagingReference(
  fault?: MessagingFault,
): (options: MessagingTraceOptions) => MessagingClientUnderTest {
  return (options) => {
    if (fault !== 'takes any option') validate(options);
    const queue: Stored[] = [];
    const names = new Set<string>();
    let dispatch: ((messages: Stored[]) => void) | undefined;
    let failure: Error | undefined;
    let firstContext: Context | undefined;
    const globals = fault === 'uses the global providers only';
    const chosen = globals ? undefined : options.propagator;
    const propagator = () => chosen ?? propagation;
    const registered = () =>
      chosen !== undefined ||
      guarded('throws when the propagator throws', true, () => propagation.fields().length > 0);

    function guarded<T>(rethrows: MessagingFault, otherwise: T, fn: () => T): T {
      try {
        return fn();
      } catch (error) {
        if (fault === rethrows) throw error;
        return otherwise;
      }
    }
    const asked = <T>(otherwise: T, fn: () => T) => guarded('throws when a callback throws', otherwise, fn);

    const getter = {
      keys: (carrier: Stored['metadata']) => Object.keys(carrier),
      get(carrier: Stored['metadata'], name: string) {
        const exact = fault === 'reads names in lower case only';
        const values = Object.entries(carrier).flatMap(([key, value]) =>
          (exact ? key : key.toLowerCase()) === name ? value : [],
        );
        const several = name === 'traceparent' && values.join().includes(',');
        if (several && fault !== 'believes the first of several traceparents') return undefined;
        return several ? values.join().split(',')[0] : values[0];
      },
    };

    function extract(metadata: Stored['metadata']): Context {
      if (fault === 'believes a malformed traceparent' && metadata.traceparent !== undefined)
        return trace.setSpanContext(ROOT_CONTEXT, {
          traceId: 'f'.repeat(32),
          spanId: 'f'.repeat(16),
          traceFlags: 1,
        });
      return guarded('throws when the propagator throws', ROOT_CONTEXT, () =>
        propagator().extract(ROOT_CONTEXT, metadata, getter),
      );
    }

    function inject(ctx: Context, given: MessageToSend['metadata'] = {}): Stored['metadata'] {
      const written: Record<string, string> = {};
      const sampled = ((trace.getSpanContext(ctx)?.traceFlags ?? 0) & 1) === 1;
      if (fault === 'sends no context') return given;
      if (fault === 'does not inject when unsampled' && !sampled) return given;
      guarded('throws when the propagator throws', undefined, () =>
        propagator().inject(ctx, written, {
          set(carrier, name, value) {
            carrier[name] = value;
          },
        }),
      );
      if (fault === 'drops baggage') delete written.baggage;
      const { baggageTo = 'all', baggageEntries } = options;
      if (baggageTo !== 'all' && fault !== 'tells everyone the baggage') delete written.baggage;
      if (baggageEntries !== undefined && fault !== 'sends every baggage entry')
        written.baggage = (written.baggage ?? '')
          .split(',')
          .filter((entry) => baggageEntries.includes(entry.split('=')[0] ?? ''))
          .join();
      if (!registered() && fault !== 'loses the trace without an SDK')
        Object.assign(written, received.getStore());
      if (!registered() && fault === 'makes up a trace without an SDK')
        written.traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
      if (Object.keys(written).length === 0) return given;
      const own = getter.get(given, 'baggage');
      if (own !== undefined && fault !== 'replaces the baggage of the message') {
        const keys = own.split(',').map((member) => member.split('=')[0]);
        const added = written.baggage?.split(',').filter((member) => !keys.includes(member.split('=')[0]));
        written.baggage = [own, ...(added ?? [])].join(',');
      }
      if (fault === "drops the application's metadata") return written;
      if (fault === 'changes the metadata that it is given') return Object.assign(given, written);
      const kept = Object.entries(given).filter(
        ([name]) => fault === 'appends a second traceparent' || !FIELDS.includes(name.toLowerCase()),
      );
      const { traceparent = '', ...others } = written;
      const name = fault === 'appends a second traceparent' ? 'Traceparent' : 'traceparent';
      const twice = fault === 'appends a second traceparent' ? { traceparent } : {};
      return {
        ...Object.fromEntries(kept),
        ...others,
        ...twice,
        ...(traceparent === '' ? {} : { [name]: traceparent }),
      };
    }

    function creationOf(metadata: Stored['metadata'] = {}): SpanContext | undefined {
      return trace.getSpanContext(extract(metadata));
    }

    /** Whether the message brings a trace, readable or not. */
    function hasCreation(metadata: Stored['metadata'] = {}): boolean {
      if (fault === 'overwrites a creation context') return false;
      return creationOf(metadata) !== undefined || (!registered() && 'traceparent' in metadata);
    }

    interface Work {
      readonly ctx: Context;
      end(error?: unknown): void;
    }

    function start(
      type: string,
      kind: SpanKind,
      parent: Context,
      more: { links?: Link[]; operation?: string; batch?: number; body?: string; counts?: number } = {},
    ): Work {
      const { operation = type } = more;
      const wanted = asked(undefined, () =>
        fault === 'uses no template' ? undefined : options.destinationTemplate?.('things'),
      );
      if (wanted !== undefined && names.size < 100) names.add(wanted);
      const template =
        wanted === undefined || names.has(wanted) || fault === 'names everything' ? wanted : 'others';
      const metricAttributes: Attributes = {
        'messaging.system.name': 'reference',
        'messaging.operation.name': operation,
        ...(template === undefined
          ? { 'messaging.destination.name': 'things' }
          : { 'messaging.destination.template': template }),
      };
      const attributes: Attributes = {
        ...metricAttributes,
        'messaging.destination.name': 'things',
        'messaging.operation.type': type,
        ...(fault === `names the broker on ${type} spans only` && { 'server.address': 'broker' }),
        ...(more.batch === undefined ? {} : { 'messaging.batch.message_count': more.batch }),
        ...asked({}, () => (fault === 'adds no attributes' ? {} : options.attributes?.({ type }))),
      };
      const named = fault === 'names spans by the message' && more.body ? more.body : (template ?? 'things');
      const late = fault === 'sets attributes after the start';
      const startedAt = performance.now();
      const span = guarded<Span | undefined>('throws when the tracer throws', undefined, () =>
        ((globals ? undefined : options.tracerProvider) ?? trace.getTracerProvider())
          .getTracer('reference', '1.0.0', {
            ...(fault === 'names no schema' ? {} : { schemaUrl: 'https://opentelemetry.io/schemas/1.45.0' }),
          })
          .startSpan(
            `${operation} ${named}`,
            {
              kind,
              links: fault === 'never links' ? [] : (more.links ?? []),
              attributes: late ? { 'messaging.operation.type': type } : attributes,
            },
            parent,
          ),
      );
      if (late) span?.setAttributes(attributes);
      return {
        ctx: span?.spanContext().spanId.match(/[^0]/) ? trace.setSpan(parent, span) : parent,
        end(error) {
          const failed = error !== undefined && fault !== 'calls failures a success';
          const name = failed && error instanceof Error ? error.name : undefined;
          if (failed) {
            span?.setStatus({ code: SpanStatusCode.ERROR });
            span?.setAttribute('error.type', name ?? '_OTHER');
            const { message } = error as Error;
            const told = fault === 'records secrets of errors' ? message : message.replace(/\/\/.*/, '');
            span?.recordException({ name: name ?? 'Error', message: told });
          }
          const seconds = (performance.now() - startedAt) / (fault === 'measures milliseconds' ? 1 : 1000);
          const measuredAs = { ...metricAttributes, ...(name === undefined ? {} : { 'error.type': name }) };
          if (type === 'process') measure('messaging.process.duration', seconds, measuredAs);
          if (type === 'send') {
            const withType = { ...measuredAs, 'messaging.operation.type': type };
            measure('messaging.client.operation.duration', seconds, withType);
            count('messaging.client.sent.messages', more.batch ?? 1, measuredAs);
          }
          guarded('throws when the tracer throws', undefined, () => span?.end());
        },
      };
    }

    const meter = () =>
      ((globals ? undefined : options.meterProvider) ?? metrics.getMeterProvider()).getMeter(
        'reference',
        '1.0.0',
      );
    function measure(name: string, seconds: number, attributes: Attributes): void {
      if (fault === 'records no metric') return;
      guarded('throws when the meter throws', undefined, () =>
        meter()
          .createHistogram(name, { unit: 's', advice: { explicitBucketBoundaries: BUCKETS } })
          .record(seconds, attributes),
      );
    }
    function count(name: string, messages: number, attributes: Attributes): void {
      if (fault === 'records no metric') return;
      guarded('throws when the meter throws', undefined, () =>
        meter()
          .createCounter(name, { unit: '{message}' })
          .add(fault === 'counts batches instead of messages' ? 1 : messages, attributes),
      );
    }
    const consumed = (messages: number, operation: string) =>
      count('messaging.client.consumed.messages', messages, {
        'messaging.system.name': 'reference',
        'messaging.operation.name': operation,
        'messaging.destination.name': 'things',
      });

    const ignored = (type: string) =>
      fault !== 'records what it is to ignore' && asked(false, () => options.ignore?.({ type }) === true);

    function put(messages: Stored[]): void {
      if (dispatch) dispatch(messages);
      else queue.push(...messages);
    }
    function transmit(message: MessageToSend, metadata: Stored['metadata']): Stored {
      const error = failure;
      failure = undefined;
      if (error) throw error;
      return { body: message.body, metadata, timestamp: Date.now() };
    }

    /** Runs a handler in the span of its message. */
    function process(message: Stored, ambient: Context, counted: boolean, handler: () => unknown): unknown {
      const { metadata } = message;
      const asks = fault === 'trusts every message' ? 'continue' : (options.trust ?? 'continue');
      const answer = typeof asks === 'function' ? asks({ type: 'process' }) : asks;
      const { parent: trusted, baggage: told = trusted === 'continue' ? 'keep' : 'drop' } =
        typeof answer === 'string' ? { parent: answer } : answer;
      const linked = options.relation === 'link' && options.trust === undefined;
      const keeps = told === 'keep' && (!linked || fault === 'keeps the baggage of what it only links');
      const creation = trusted === 'ignore' ? undefined : creationOf(metadata);
      const brought = trusted === 'ignore' ? ROOT_CONTEXT : extract(metadata);
      const extracted = keeps ? brought : propagation.deleteBaggage(brought);
      const inSpan = trace.getSpanContext(ambient) !== undefined;
      const { relation = 'auto', maxAge = Number.POSITIVE_INFINITY } = options;
      const old = fault !== 'ignores the age of a message' && Date.now() - message.timestamp > maxAge;
      let continues = relation === 'auto' ? !inSpan && !old : relation !== 'link';
      let links: Link[] = creation === undefined || relation === 'parent' ? [] : [{ context: creation }];
      if (trusted !== 'continue') continues = false;
      if (fault === 'always continues') continues = true;
      if (fault === 'never continues') continues = false;
      const around = trace.getSpanContext(ambient);
      if (continues && around && creation) links = [...links, { context: around }];
      const baggage = propagation.getBaggage(extracted);
      const apart = baggage === undefined ? ambient : propagation.setBaggage(ambient, baggage);
      let parent = continues && creation !== undefined ? extracted : apart;
      if (ignored('process'))
        parent = fault === 'forgets the context of what it ignores' ? ROOT_CONTEXT : extracted;
      const work =
        ignored('process') || (counted && fault === 'makes no span for the messages of a batch')
          ? undefined
          : start('process', SpanKind.CONSUMER, parent, { links, body: message.body });
      if (work && (!counted || fault === 'counts messages of a batch twice')) consumed(1, 'process');
      firstContext ??= work?.ctx ?? parent;
      const handledIn =
        fault === 'handles all messages in the context of the first' ? firstContext : (work?.ctx ?? parent);
      const fields = Object.fromEntries(
        FIELDS.flatMap((name) => {
          const value = getter.get(metadata, name);
          return value === undefined || registered() ? [] : [[name, value]];
        }),
      );
      if (fault === 'needs an SDK to call the handler' && !registered()) return undefined;
      const call = () => {
        if (fault === 'calls the handler twice') void handler();
        if (fault === 'handles messages outside their context') return context.with(ROOT_CONTEXT, handler);
        return context.with(handledIn, handler);
      };
      const failed = (error: unknown): never => {
        work?.end(error);
        throw fault === 'wraps errors' ? new Error('the handler failed', { cause: error }) : error;
      };
      try {
        const result = received.run(fields, call);
        if (fault === 'ends the span when the handler is called') {
          work?.end();
          return result;
        }
        if (result instanceof Promise)
          return result.then((value) => {
            work?.end();
            return value;
          }, failed);
        if (fault !== 'leaves the span of a synchronous handler open') work?.end();
        return result;
      } catch (error) {
        return failed(error);
      }
    }

    const handled = (message: Stored): MessageToHandle => ({
      body: message.body,
      settle() {
        const apart = fault === 'settles in a trace of its own';
        start('settle', SpanKind.CLIENT, apart ? ROOT_CONTEXT : context.active(), { operation: 'ack' }).end();
      },
    });

    const isHuge = ({ metadata }: Stored) =>
      fault === 'drops messages with large metadata' && JSON.stringify(metadata).length > 10_000;

    const transport = {
      send(message: MessageToSend, metadata: Stored['metadata']) {
        put([transmit(message, metadata)]);
      },
    };
    const traced = {
      async connect() {
        return fault === 'hands the bare client back' ? transport : traced;
      },
      async send(message: MessageToSend, metadata: MessageToSend['metadata']) {
        const parent = context.active();
        const kept = hasCreation(metadata);
        const creation = creationOf(metadata);
        const ctx = (work: Work) =>
          fault === 'injects the context of the sender, not of the send' ? parent : work.ctx;
        if (ignored('send')) {
          const told = fault === 'forgets the context of what it ignores' ? ROOT_CONTEXT : parent;
          transport.send(message, kept ? (metadata ?? {}) : inject(told, metadata));
          return;
        }
        const work = start('send', kept ? SpanKind.CLIENT : SpanKind.PRODUCER, parent, {
          links: kept && creation ? [{ context: creation }] : [],
          body: message.body,
        });
        try {
          transport.send(message, kept ? (metadata ?? {}) : inject(ctx(work), metadata));
          work.end();
        } catch (error) {
          work.end(error);
          throw fault === 'wraps errors' ? new Error('the send failed', { cause: error }) : error;
        }
      },
    };
    const client =
      fault === 'ignores what replaces a method'
        ? new Proxy(traced, { set: () => true })
        : Object.create(traced);

    return {
      wrapped: { client, method: 'send', handsBack: { 'connect()': () => client.connect() } },
      async send(message, passed) {
        const metadata = message.metadata && { ...message.metadata };
        passed?.({ metadata });
        if (fault === 'removes fields without an SDK' && !registered()) delete metadata?.traceparent;
        return client.send(message, metadata);
      },
      async sendBatch(messages) {
        const parent = context.active();
        const links: Link[] = [];
        const shared = fault === 'gives all messages of a batch one context';
        const one = shared ? start('create', SpanKind.PRODUCER, parent) : undefined;
        one?.end();
        const stored = messages.map((message) => {
          const creation = creationOf(message.metadata);
          if (hasCreation(message.metadata)) {
            if (creation) links.push({ context: creation });
            return transmit(message, message.metadata ?? {});
          }
          const create = one ?? start('create', SpanKind.PRODUCER, parent, { body: message.body });
          if (!one) create.end();
          const created = trace.getSpanContext(create.ctx);
          if (created) links.push({ context: created });
          return transmit(message, inject(create.ctx, message.metadata));
        });
        const work = start('send', SpanKind.CLIENT, parent, { links, batch: messages.length });
        put(stored);
        work.end();
      },
      async consume(handler, outcome) {
        const subscriber = context.active();
        const ambient = fault === "handles messages in the subscriber's trace" ? subscriber : ROOT_CONTEXT;
        const one = async (message: Stored) => {
          let told: HandlerOutcome;
          try {
            told = { value: await process(message, ambient, false, () => handler(handled(message))) };
          } catch (error) {
            told = { error };
          }
          outcome?.(told);
        };
        dispatch = (messages) => {
          for (const message of messages) {
            if (isHuge(message)) continue;
            const { traceparent } = message.metadata;
            const copies = Array.isArray(traceparent) && fault === 'handles a message once per traceparent';
            for (const _ of copies ? traceparent : ['once'])
              setImmediate(() => context.with(subscriber, () => one(message)));
          }
        };
        dispatch(queue.splice(0));
      },
      async consumeBatch(handler) {
        dispatch = (messages) => {
          const linked =
            fault === 'links a batch to its first message only' ? messages.slice(0, 1) : messages;
          const links = linked.flatMap(({ metadata }) => {
            const creation = creationOf(metadata);
            return creation ? [{ context: creation }] : [];
          });
          setImmediate(async () => {
            const work = start('receive', SpanKind.CLIENT, ROOT_CONTEXT, { links, batch: messages.length });
            consumed(messages.length, 'receive');
            const byHandle = new Map(messages.map((message) => [handled(message), message]));
            await context.with(work.ctx, async () =>
              handler([...byHandle.keys()], (handle, fn) =>
                process(byHandle.get(handle) as Stored, context.active(), true, fn),
              ),
            );
            work.end();
          });
        };
      },
      async plant(messages) {
        put(
          messages.map(({ body, metadata = {}, timestamp = Date.now() }) => ({ body, metadata, timestamp })),
        );
      },
      async take() {
        const message = queue.shift();
        if (!message) throw new Error('nothing was sent');
        const entries = Object.entries(message.metadata);
        return {
          body: message.body,
          metadata: Object.fromEntries(entries.map(([name, value]) => [name, [value].flat()])),
        };
      },
      failNextSend(error) {
        failure = error;
      },
    };
  };
}

function validate(options: MessagingTraceOptions): void {
  const { relation = 'auto', maxAge = 0, ignore, trust = 'continue', baggageTo = 'all' } = options;
  if (trust === ('never' as never)) throw new TypeError('trust');
  if (baggageTo === ('some' as never)) throw new TypeError('baggageTo');
  for (const name of Object.keys(options)) if (!OPTIONS.has(name)) throw new TypeError(`no option ${name}`);
  if (!['auto', 'parent', 'link', 'both'].includes(relation)) throw new TypeError('relation');
  if (typeof maxAge !== 'number') throw new TypeError('maxAge');
  if (ignore !== undefined && typeof ignore !== 'function') throw new TypeError('ignore');
}
