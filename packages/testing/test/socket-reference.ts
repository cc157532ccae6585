import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import type {
  BareHandshake,
  BarePeer,
  PeerFields,
  SocketConformanceOptions,
  SocketListeners,
  SocketMessageOptions,
  SocketServerTraceOptions,
  SocketSide,
  SocketsUnderTest,
  TracedPeer,
} from '@throughline/testing';

/** Ways in which sockets can be traced wrongly; each is planted into the reference below, one at a time. */
export const SOCKET_FAULTS = [
  'ends the handshake with the socket',
  'sends no headers',
  'leaves out the status of the client',
  'makes up a caller',
  'refuses what it cannot read',
  'believes the first of several traceparents',
  'calls a refusal a switch',
  'always reads the URL',
  'never reads the URL',
  'reads baggage from the URL',
  'prefers the URL',
  'trusts every caller',
  'trusts every message',
  'loses baggage',
  'ends a socket outside its context',
  'sends no context',
  'handles messages outside their context',
  'does not inject when unsampled',
  'never continues',
  'handles all messages in the context of the first',
  'ends the span when the listener is called',
  'drops messages that it cannot read',
  'believes the last of two members',
  'changes messages with odd contexts',
  'always adds a context',
  'links to no handshake',
  'injects the context of the sender, not of the send',
  'keeps the trace of the handshake',
  'ignores the relation',
  'reuses the trace of the first handshake',
  'forgets the context of what it ignores',
  'always makes spans',
  'records what it is to ignore',
  'tells every peer',
  'tells every peer the baggage',
  'uses the global providers only',
  'takes any option',
  'throws when a callback throws',
  'throws when the propagator throws',
  'throws when the tracer throws',
  'makes up a trace without an SDK',
  'needs an SDK to deliver',
  'loses the trace without an SDK',
] as const;

export type SocketFault = (typeof SOCKET_FAULTS)[number];

const OPTIONS: Readonly<Record<string, (value: unknown) => boolean>> = {
  trust: (value) => ['continue', 'restart', 'ignore'].includes(String(value)),
  contextFromQuery: (value) => typeof value === 'boolean',
  propagateTo: (value) => value === 'all' || value === 'none',
  baggageTo: (value) => value === 'all' || value === 'none',
  messages: (value) =>
    Object.entries(value as object).every(
      ([name, one]) =>
        (name === 'relation' && ['auto', 'parent', 'link', 'both'].includes(one)) ||
        (name === 'spans' && typeof one === 'boolean') ||
        (name === 'ignore' && typeof one === 'function'),
    ),
  ignore: (value) => typeof value === 'function',
  attributes: (value) => typeof value === 'function',
  requestHook: (value) => typeof value === 'function',
  responseHook: (value) => typeof value === 'function',
  tracerProvider: (value) => typeof value === 'object',
  propagator: (value) => typeof value === 'object',
};

/** The fields of the message being handled, for the case that nothing is registered that could read them. */
const received = new AsyncLocalStorage<PeerFields>();
const SEPARATOR = '\n';
const TRACEPARENTS = /"traceparent":/g;
const ids = (traceId: string): SpanContext => ({ traceId, spanId: 'f'.repeat(16), traceFlags: 1 });

/** One end of a socket: what its options and its handshake say. */
interface End {
  readonly opened: Context;
  readonly messages: SocketMessageOptions;
  readonly trust: string;
  readonly tells: boolean;
  readonly tellsBaggage: boolean;
  readonly isIgnored: boolean;
  readonly given: Pick<SocketServerTraceOptions, 'tracerProvider' | 'propagator'>;
}

/** Hand-written tracing of sockets in memory: correct without a fault. */
export function socketReference(fault?: SocketFault): Omit<SocketConformanceOptions, 'name' | 'sdk'> {
  const guarded = <T>(rethrows: SocketFault, otherwise: T, fn: () => T): T => {
    try {
      return fn();
    } catch (error) {
      if (fault === rethrows) throw error;
      return otherwise;
    }
  };
  const asked = <T>(otherwise: T, fn: () => T) => guarded('throws when a callback throws', otherwise, fn);
  const isRegistered = () =>
    guarded('throws when the propagator throws', true, () => propagation.fields().length > 0);

  const getter = {
    keys: (carrier: object) => Object.keys(carrier),
    get(carrier: object, name: string) {
      const values = Object.entries(carrier).flatMap(([key, value]) =>
        key.toLowerCase() === name ? value : [],
      );
      const several = values.length > 1 && fault !== 'believes the first of several traceparents';
      return several || typeof values[0] !== 'string' ? undefined : values[0];
    },
  };
  const extract = (fields: object, { propagator }: End['given'] = {}) =>
    guarded('throws when the propagator throws', ROOT_CONTEXT, () => {
      const chosen = fault === 'uses the global providers only' ? propagation : (propagator ?? propagation);
      const found = chosen.extract(ROOT_CONTEXT, fields, getter);
      return fault === 'loses baggage' ? propagation.deleteBaggage(found) : found;
    });

  function start(
    name: string,
    kind: SpanKind,
    parent: Context,
    given: End['given'],
    attributes: Record<string, string>,
    links: Link[] = [],
  ): Span | undefined {
    const provider = fault === 'uses the global providers only' ? undefined : given.tracerProvider;
    return guarded('throws when the tracer throws', undefined, () =>
      (provider ?? trace.getTracerProvider())
        .getTracer('reference')
        .startSpan(name, { kind, attributes, links: fault === 'links to no handshake' ? [] : links }, parent),
    );
  }
  const inSpan = (parent: Context, span: Span | undefined) =>
    span !== undefined && isRegistered() ? trace.setSpan(parent, span) : parent;

  function inject(ctx: Context, end: End): PeerFields | undefined {
    const written: Record<string, string> = {};
    const flags = trace.getSpanContext(ctx)?.traceFlags ?? 0;
    if (fault === 'sends no context') return undefined;
    if (fault === 'does not inject when unsampled' && flags === 0) return undefined;
    if (!end.tells && fault !== 'tells every peer') return undefined;
    const told = end.tellsBaggage || fault === 'tells every peer the baggage';
    guarded('throws when the propagator throws', undefined, () => {
      const chosen =
        fault === 'uses the global providers only' ? propagation : (end.given.propagator ?? propagation);
      chosen.inject(told ? ctx : propagation.deleteBaggage(ctx), written, {
        set: (carrier: Record<string, string>, name, value) => {
          carrier[name] = value;
        },
      });
    });
    if (fault === 'loses baggage') delete written.baggage;
    if (!isRegistered()) {
      if (fault !== 'loses the trace without an SDK') Object.assign(written, received.getStore());
      if (fault === 'makes up a trace without an SDK')
        written.traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    }
    return Object.keys(written).length === 0 ? undefined : written;
  }

  function write(body: string, fields: PeerFields | undefined, carries: boolean): string {
    const added = fault === 'always adds a context' ? (fields ?? {}) : carries ? fields : undefined;
    return added === undefined ? body : `${body}${SEPARATOR}${JSON.stringify(added)}`;
  }
  function read(wire: string): { body: string; fields: PeerFields | undefined } {
    const [body = '', json] = wire.split(SEPARATOR);
    if (json === undefined) return { body, fields: undefined };
    const twice = (json.match(TRACEPARENTS)?.length ?? 0) > 1;
    const fields = twice && fault !== 'believes the last of two members' ? {} : JSON.parse(json);
    return { body, fields };
  }

  function send(end: End, body: string, carries: boolean): string {
    const active = context.active();
    const own = trace.getSpanContext(end.opened);
    const isOwn = own !== undefined && trace.getSpanContext(active)?.spanId === own.spanId;
    const stays = end.messages.relation === 'parent' && fault !== 'ignores the relation';
    const apart = isOwn && !stays && fault !== 'keeps the trace of the handshake';
    const parent = apart ? trace.deleteSpan(active) : active;
    const links = apart ? [{ context: own }] : [];
    const silent = end.isIgnored || (end.messages.spans === false && fault !== 'always makes spans');
    const span = silent
      ? undefined
      : start('send', SpanKind.PRODUCER, parent, end.given, operation('send'), links);
    const ctx =
      fault === 'injects the context of the sender, not of the send' ? active : inSpan(parent, span);
    const wire = write(body, inject(ctx, end), carries);
    span?.end();
    return wire;
  }

  let first: Context | undefined;
  function handle(end: End, wire: string, carries: boolean, listener: (body: string) => unknown): void {
    const { body, fields = {} } = carries ? read(wire) : { body: wire };
    if (fault === 'drops messages that it cannot read' && JSON.stringify(fields).length > 300) return;
    const odd = JSON.stringify(fields).includes('\\u0000');
    const shown = fault === 'changes messages with odd contexts' && odd ? `${body} ` : body;
    if (fault === 'needs an SDK to deliver' && !isRegistered()) return;
    const { relation } = end.messages;
    const heeded = fault === 'ignores the relation' ? undefined : relation;
    const found = extract(fields, end.given);
    const creation = trace.getSpanContext(found);
    const trusted = end.trust === 'continue' || fault === 'trusts every message';
    const continues = trusted && creation !== undefined && heeded !== 'link' && fault !== 'never continues';
    const own = trace.getSpanContext(end.opened);
    const baggage = trusted && heeded !== 'link' ? propagation.getBaggage(found) : undefined;
    const stays = heeded === 'parent' || fault === 'keeps the trace of the handshake';
    const start0 = stays ? end.opened : trace.deleteSpan(end.opened);
    const base = baggage === undefined ? start0 : propagation.setBaggage(start0, baggage);
    const parent = continues ? found : base;
    const isLinked = creation !== undefined && (trusted || end.trust === 'restart');
    const links = isLinked ? [{ context: creation }] : [];
    if (trace.getSpanContext(parent) === undefined && own !== undefined) links.push({ context: own });
    const ignored =
      end.isIgnored ||
      (end.messages.spans === false && fault !== 'always makes spans') ||
      asked(false, () => end.messages.ignore?.({ type: 'process' }) === true);
    const span = ignored
      ? undefined
      : start('process', SpanKind.CONSUMER, parent, end.given, operation('process'), links);
    let ctx =
      ignored && fault === 'forgets the context of what it ignores' ? ROOT_CONTEXT : inSpan(parent, span);
    first ??= ctx;
    if (fault === 'handles all messages in the context of the first') ctx = first;
    if (fault === 'handles messages outside their context') ctx = ROOT_CONTEXT;
    const result = received.run(fields, () => context.with(ctx, () => listener(shown)));
    if (fault === 'ends the span when the listener is called') span?.end();
    else void Promise.resolve(result).then(() => span?.end());
  }

  let firstHandshake: Context | undefined;
  return {
    system: 'reference',
    status: 101,
    open({ server = {}, client = {}, carries = true }, listeners: SocketListeners): SocketsUnderTest {
      if (fault !== 'takes any option')
        for (const [name, value] of Object.entries(server))
          if (value !== undefined && OPTIONS[name]?.(value) !== true) throw new TypeError(name);

      function accept({ headers = {}, query = {}, refused = false }: BareHandshake) {
        const reads =
          (server.contextFromQuery || fault === 'always reads the URL') && fault !== 'never reads the URL';
        const { baggage, ...traced } = query;
        const fromUrl = fault === 'reads baggage from the URL' ? query : traced;
        const before = fault === 'prefers the URL' ? headers : {};
        const fields = reads
          ? { ...before, ...fromUrl, ...(fault === 'prefers the URL' ? {} : headers) }
          : headers;
        const odd = String(headers.traceparent ?? headers.tracestate ?? '').length;
        if (fault === 'refuses what it cannot read' && odd > 0 && (odd !== 55 || headers.tracestate))
          throw new Error();
        let found = extract(fields, server);
        if (fault === 'makes up a caller' && !trace.getSpanContext(found))
          found = trace.setSpanContext(found, ids('e'.repeat(32)));
        if (fault === 'reuses the trace of the first handshake') found = firstHandshake ?? found;
        const caller = trace.getSpanContext(found);
        const trust = fault === 'trusts every caller' ? 'continue' : (server.trust ?? 'continue');
        const links = trust === 'restart' && caller !== undefined ? [{ context: caller }] : [];
        const parent = trust === 'continue' ? found : ROOT_CONTEXT;
        const isIgnored =
          asked(false, () => (server.ignore as (() => boolean) | undefined)?.() === true) &&
          fault !== 'records what it is to ignore';
        asked(undefined, () => server.attributes?.({}));
        const span = isIgnored
          ? undefined
          : start('GET', SpanKind.SERVER, parent, server, { 'http.request.method': 'GET' }, links);
        if (span !== undefined) asked(undefined, () => server.requestHook?.({ span }));
        const status = refused && fault !== 'calls a refusal a switch' ? 403 : 101;
        span?.setAttribute('http.response.status_code', status);
        if (span !== undefined) asked(undefined, () => server.responseHook?.({ span }));
        const opened = inSpan(parent, span);
        firstHandshake ??= opened;
        if (fault !== 'ends the handshake with the socket') span?.end();
        if (refused) throw new Error('refused');
        const end: End = {
          opened,
          messages: server.messages ?? {},
          trust: server.trust ?? 'continue',
          tells: server.propagateTo !== 'none',
          tellsBaggage: server.baggageTo === 'all',
          isIgnored,
          given: server,
        };
        return { end, span };
      }

      /** Joins the server's end with a peer; `deliver` gets what the server sends. */
      function join(handshake: BareHandshake, deliver: (wire: string) => void) {
        const { end, span } = accept(handshake);
        const side: SocketSide = {
          send(body) {
            const wire = send(end, body, carries);
            setImmediate(() => context.with(ROOT_CONTEXT, () => deliver(wire)));
          },
        };
        context.with(end.opened, () => listeners.connected(side));
        return {
          toServer: (wire: string) =>
            setImmediate(() =>
              context.with(ROOT_CONTEXT, () =>
                handle(end, wire, carries, (body) => listeners.served(body, side)),
              ),
            ),
          async close() {
            await new Promise((next) => setImmediate(next));
            if (fault === 'ends the handshake with the socket') span?.end();
            const ctx = fault === 'ends a socket outside its context' ? ROOT_CONTEXT : end.opened;
            context.with(ctx, () => listeners.closed());
          },
        };
      }

      return {
        async connect(): Promise<TracedPeer> {
          const parent = context.active();
          const span = start('GET', SpanKind.CLIENT, parent, client, { 'url.full': 'ws://reference' });
          const end: End = {
            opened: inSpan(parent, span),
            messages: client.messages ?? {},
            trust: 'continue',
            tells: client.propagateTo !== 'none',
            tellsBaggage: client.baggageTo !== 'none',
            isIgnored: false,
            given: client,
          };
          const headers =
            fault === 'sends no headers'
              ? {}
              : ((inject(end.opened, end) ?? {}) as BareHandshake['headers'] & object);
          if (fault !== 'leaves out the status of the client')
            span?.setAttribute('http.response.status_code', 101);
          span?.end();
          const { toServer, close } = join({ headers }, (wire) =>
            handle(end, wire, carries, (body) => listeners.answered(body)),
          );
          return { send: (body) => toServer(send(end, body, carries)), close };
        },
        async connectBare(handshake = {}): Promise<BarePeer> {
          const arrived: string[] = [];
          let wake = () => {};
          const { toServer, close } = join(handshake, (wire) => {
            arrived.push(wire);
            wake();
          });
          return {
            send: (body, fields) =>
              toServer(fields === undefined ? body : `${body}${SEPARATOR}${JSON.stringify(fields)}`),
            sendRaw: (body, fields) => toServer(`${body}${SEPARATOR}${fields}`),
            async received() {
              while (arrived.length === 0)
                await new Promise<void>((resolve) => {
                  wake = resolve;
                });
              const raw = arrived.shift() as string;
              return { raw, ...read(raw) };
            },
            close,
          };
        },
      };
    },
  };
}

const operation = (type: string) => ({
  'messaging.operation.type': type,
  'messaging.system.name': 'reference',
});
