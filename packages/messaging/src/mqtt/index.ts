import { ROOT_CONTEXT } from '@opentelemetry/api';
import { Scope, withMembers } from '@throughline/core/seam';
import { headersCodec, type MessageHeaders } from '../verbs/carrier-codec.ts';
import type { Message } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer } from '../verbs/messaging-tracer.ts';
import { open, type Payload, seal } from '../wrapping/envelope.ts';
import { listenerMethods } from '../wrapping/listeners.ts';
import type { Method } from '../wrapping/method.ts';
import { peerOf, type SocketLike } from '../wrapping/peer-of.ts';
import { sendWithCallback } from '../wrapping/send-with-callback.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';

export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';

/** A client of MQTT.js 5, as used here. */
export interface MqttClient {
  readonly publish: Method;
  readonly publishAsync: Method;
  readonly on: Method;
  readonly options: object;
}

/** Options of {@link traceClient}. */
export interface MqttOptions extends MessagingOptions {
  /**
   * For MQTT 3.1.1, whose messages have no metadata: puts each message into an envelope with its context when it is
   * sent, and takes it out on arrival. Every subscriber must then read envelopes. Default: `false`, and messages of
   * 3.1.1 are not changed.
   */
  readonly envelope?: boolean | undefined;
}

interface PublishOptions {
  readonly properties?: { readonly userProperties?: MessageHeaders | undefined } | undefined;
}

interface Packet extends PublishOptions {
  readonly retain?: boolean | undefined;
}

/** The used part of the client, with its own signatures. */
interface Client {
  publish(topic: string, payload: Payload, options?: PublishOptions, callback?: Method): unknown;
  publishAsync(topic: string, payload: Payload, options?: PublishOptions): unknown;
  readonly stream?: SocketLike | undefined;
  readonly options: {
    readonly protocolVersion?: number | undefined;
    readonly clientId?: string | undefined;
    readonly host?: string | undefined;
    readonly hostname?: string | undefined;
    readonly port?: number | string | undefined;
  };
}

/**
 * Returns a client that traces what it publishes and the listeners for `message`; use it instead of the original.
 *
 * With MQTT 5, the context goes into the user properties of the message. The span of a publish ends when the callback
 * is called; with QoS 1 and 2, that is when the broker has acknowledged. The span of a listener ends when what it
 * returns has settled, for which MQTT.js does not wait. With `auto`, a retained message is linked and starts a trace
 * of its own: it comes back with every subscription. Not traced: `handleMessage` and last wills.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only MQTT.js itself throws.
 * @see https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901116
 * @example
 * const client = traceClient(mqtt.connect('mqtt://localhost', { protocolVersion: 5 }));
 * client.on('message', async (topic, payload) => save(topic, payload));
 * await client.publishAsync('orders', '{}');
 */
export function traceClient<C extends MqttClient>(original: C, options: MqttOptions = {}): C {
  const tracer = createMessagingTracer(
    { system: 'mqtt', codec: headersCodec },
    options,
    new Scope('messaging', 'traceClient()'),
    { envelope: 'boolean' },
  );
  const { envelope = false } = options;
  // The cast: publish has an overload for each number of arguments.
  const client = original as unknown as Client;
  const hasProperties = () => client.options.protocolVersion === 5;

  function sentMessage(topic: string, how: PublishOptions | undefined): Message<MessageHeaders> {
    const carrier = hasProperties() ? how?.properties?.userProperties : undefined;
    return { ...brokerOf(client), operationName: 'publish', destination: topic, carrier };
  }

  /** Returns the arguments that carry the fields: in properties, or in an envelope. */
  function carrying(payload: Payload, how: PublishOptions | undefined, fields: MessageHeaders | undefined) {
    if (!hasProperties()) return [seal(payload, fields), how] as const;
    if (fields === how?.properties?.userProperties) return [payload, how] as const;
    const properties = withMembers(how?.properties, { userProperties: fields });
    return [payload, { ...how, properties }] as const;
  }

  return wrapClient(original, {
    publish(topic: string, payload: Payload, ...rest: [how?: PublishOptions | Method | null, done?: Method]) {
      if (!hasProperties() && !envelope)
        return Reflect.apply(original.publish, original, [topic, payload, ...rest] as never[]);
      const [first, second] = rest;
      const [given, callback] = typeof first === 'function' ? [undefined, first] : [first, second];
      const how = ownOf(given);
      return sendWithCallback(tracer, sentMessage(topic, how), callback, (fields, onPublished) =>
        client.publish(topic, ...carrying(payload, how, fields), onPublished),
      );
    },
    publishAsync(topic: string, payload: Payload, given?: PublishOptions) {
      if (!hasProperties() && !envelope) return client.publishAsync(topic, payload, given);
      const how = ownOf(given);
      return tracer.send(sentMessage(topic, how), (fields) =>
        client.publishAsync(topic, ...carrying(payload, how, fields)),
      );
    },
    ...listenerMethods(original, (event, listener) => {
      if (event !== 'message') return undefined;
      return function tracedListener(this: unknown, ...args: never[]) {
        const [topic, payload, packet, ...rest] = args as unknown[] as [string, Uint8Array, Packet?];
        const call = (content: Uint8Array) =>
          Reflect.apply(listener, this, [topic, content, packet, ...rest] as never[]);
        if (!hasProperties() && !envelope) return call(payload);
        const opened = envelope ? open(payload) : { fields: undefined, payload };
        const carrier = opened.fields ?? packet?.properties?.userProperties;
        return tracer.process(
          { ...brokerOf(client), destination: topic, carrier },
          () => call(opened.payload),
          { ambient: ROOT_CONTEXT, repeats: packet?.retain === true },
        );
      };
    }),
  });
}

/** Returns the options as MQTT.js reads them: it ignores inherited ones. */
const ownOf = (how: PublishOptions | null | undefined) => (how ? { ...how } : undefined);

function brokerOf({ stream, options: { clientId, host, hostname = host, port } }: Client) {
  return {
    clientId,
    serverAddress: hostname,
    serverPort: port === undefined ? undefined : Number(port),
    attributes: peerOf(stream),
  };
}
