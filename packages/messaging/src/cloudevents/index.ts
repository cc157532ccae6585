import { Scope, withMembers } from '@throughline/core/seam';
import { type CarrierCodec, headersCodec, type MessageHeaders } from '../verbs/carrier-codec.ts';
import type { Message } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer } from '../verbs/messaging-tracer.ts';
import { timeOf } from '../verbs/time-of.ts';
import { tracedHandler } from '../wrapping/traced-handler.ts';

export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';

/** An event, of the `cloudevents` package or a plain object. */
export interface CloudEvent {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly specversion?: string | undefined;
  readonly subject?: string | undefined;
  /** A timestamp as in RFC 3339. */
  readonly time?: string | undefined;
}

/** The names of attributes that the specification allows. An event cannot contain fields with other names. */
const ATTRIBUTE_NAME = /^[a-z0-9]+$/;

const eventCodec: CarrierCodec<CloudEvent> = {
  keys: (event) => headersCodec.keys(event && attributesOf(event)),
  get: (event, name) => headersCodec.get(event && attributesOf(event), name),
  write(event, fields, replaced) {
    const legal = Object.entries(fields).filter(([name]) => ATTRIBUTE_NAME.test(name));
    const attributes = withMembers(event, Object.fromEntries(legal), replaced);
    if (!isInstance(event)) return attributes;
    // With the package's own class: a derived class may take other arguments, and supplies only its prototype. The
    // copy is plain, because fields that are gone must not come back as `undefined`: a later clone would refuse that.
    // Not strict: an event that was made without validation stays as valid as it was.
    return Reflect.construct(classOf(event), [{ ...attributes }, false], event.constructor) as CloudEvent;
  },
};

/** Events of the package are instances of a class, others are plain objects. */
// The cast: the method that clones events belongs to the class.
function classOf(event: CloudEvent): new () => unknown {
  let prototype: object = event;
  while (!Object.hasOwn(prototype, 'cloneWith')) prototype = Object.getPrototypeOf(prototype);
  return prototype.constructor as new () => unknown;
}

const isInstance = (event: CloudEvent | undefined): event is CloudEvent =>
  typeof (event as { cloneWith?: unknown }).cloneWith === 'function';

/**
 * Returns a copy of the event, because events are frozen, with the active context as its creation context.
 *
 * Returns the event itself if it already has a creation context or if no context is active.
 *
 * @see https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md
 * @example
 * const event = withTraceContext(new CloudEvent({ type: 'order.paid', source: '/orders' }));
 */
export function withTraceContext<E extends CloudEvent>(event: E): E {
  // The cast: a clone has the type of its original.
  return WITHOUT_SPANS.send(messageOf(event), (carrier) => carrier) as E;
}

/**
 * Returns a traced emitter. Each call runs in the span that sends its event. The event gets that span as its creation
 * context.
 *
 * An event that has a creation context keeps it; the span links to it. Only the event's attributes are written: the
 * trace context in the headers of the request that carries it belongs to the transport.
 *
 * @param emit What `emitterFor()` returned, or any function that takes an event first.
 * @throws TypeError when an option has the wrong type. After set-up, only the emitter itself throws.
 * @see https://opentelemetry.io/docs/specs/semconv/cloudevents/cloudevents-spans/
 * @example
 * const emit = traceEmitter(emitterFor(httpTransport('http://localhost:8080/events')));
 * await emit(new CloudEvent({ type: 'order.paid', source: '/orders' }));
 */
export function traceEmitter<F extends (event: never, ...rest: never[]) => unknown>(
  emit: F,
  options: MessagingOptions = {},
): F {
  const tracer = createMessagingTracer(EVENTS, options, new Scope('messaging', 'traceEmitter()'));
  const tracedEmitter = tracedHandler(
    // The cast: emitters are generic in the event's data.
    emit as unknown as (event: CloudEvent, ...rest: unknown[]) => unknown,
    (event, call) => tracer.send(messageOf(event), (carrier) => call(carrier as CloudEvent)),
  );
  // The cast: emitters are generic in the event's data.
  return tracedEmitter as unknown as F;
}

/**
 * Returns a traced handler. Each call runs in the span that processes its event.
 *
 * Inside the span of the request that carried the event, the span stays in that trace and links to the creation
 * context, unless `relation` says otherwise.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the handler itself throws.
 * @see https://opentelemetry.io/docs/specs/semconv/cloudevents/cloudevents-spans/
 * @example
 * const handle = traceHandler(async (event) => save(event.data));
 * app.post('/events', (req, res) => handle(HTTP.toEvent(req)).then(() => res.end()));
 */
export function traceHandler<E extends CloudEvent, Rest extends unknown[], R>(
  handler: (event: E, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (event: E, ...rest: Rest) => R {
  const tracer = createMessagingTracer(EVENTS, options, new Scope('messaging', 'traceHandler()'));
  return tracedHandler(handler, (event, call) => tracer.process(messageOf(event), () => call(event)));
}

const EVENTS = { system: 'cloudevents', codec: eventCodec };

const WITHOUT_SPANS = createMessagingTracer(EVENTS, { ignore: () => true });

/**
 * Returns an event as a message. Its type takes the place of a destination, because events travel in many ways and
 * are identified by their type.
 */
function messageOf(event: CloudEvent): Message<CloudEvent> {
  const { id, type, source, specversion, subject, time } = event;
  return {
    destination: type,
    messageId: id,
    carrier: event,
    timestamp: timeOf(time),
    attributes: {
      'cloudevents.event_id': id,
      'cloudevents.event_source': source,
      'cloudevents.event_type': type,
      'cloudevents.event_spec_version': specversion,
      'cloudevents.event_subject': subject,
    },
  };
}

// The cast: attributes are an event's own properties.
const attributesOf = (event: CloudEvent) => event as unknown as MessageHeaders;
