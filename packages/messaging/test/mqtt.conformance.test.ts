import { AsyncLocalStorage } from 'node:async_hooks';
import { traceClient } from '@throughline/messaging/mqtt';
import type { MessagingClientUnderTest, MessagingTraceOptions } from '@throughline/testing';
import { open, seal } from '../src/wrapping/envelope.ts';
import { conform } from './conformance.ts';
import { FakeMqttClient, type FakePacket } from './fake-mqtt.ts';

const TOPIC = 'orders';
const NO_METADATA = 'a message of MQTT 3.1.1 has no metadata that the application could set';

/** Where nothing is active, whoever publishes or subscribes. */
const outside = AsyncLocalStorage.snapshot();

const listsIn = (metadata: object) =>
  Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, [value].flat().map(String)]));

const shared = {
  system: 'mqtt',
  names: { send: 'publish orders', process: 'process orders' },
  capabilities: {
    sendBatch: { reason: 'MQTT publishes one by one' },
    consumeBatch: { reason: 'MQTT delivers one by one' },
    settle: { reason: 'MQTT.js acknowledges by itself' },
    outcome: { reason: 'nobody looks at what a listener returns' },
    timestamps: { reason: 'a message of MQTT has no timestamp' },
  },
};

function connecting(version: 4 | 5, style: 'callback' | 'promise') {
  return (options: MessagingTraceOptions): MessagingClientUnderTest => {
    const raw = new FakeMqttClient();
    raw.options.protocolVersion = version;
    const client = traceClient(raw, version === 5 ? options : { ...options, envelope: true });
    const early: FakePacket[] = [];
    const publish = (body: string, how: Parameters<FakeMqttClient['publishAsync']>[2]) =>
      style === 'promise'
        ? client.publishAsync(TOPIC, body, how)
        : new Promise<void>((resolve, reject) => {
            client.publish(TOPIC, body, how, (error) => (error ? reject(error) : resolve()));
          });
    const deliver = (packet: FakePacket) => {
      if (raw.listenerCount('message') > 0) outside(() => raw.deliver(packet));
      else early.push(packet);
    };
    return {
      wrapped: {
        client,
        method: style === 'promise' ? 'publishAsync' : 'publish',
        handsBack: { 'on()': () => client.on('connect', () => {}) },
      },
      async send({ body, metadata }, passed) {
        const userProperties = metadata as Record<string, string | string[]> | undefined;
        const how = userProperties && version === 5 ? { properties: { userProperties } } : {};
        passed?.(how);
        await publish(body, how);
        if (raw.listenerCount('message') > 0) for (const packet of raw.published.splice(0)) deliver(packet);
      },
      async consume(handler) {
        client.on('message', (_topic: string, payload: Buffer) => handler({ body: payload.toString() }));
        for (const packet of early.splice(0)) deliver(packet);
      },
      async plant(messages) {
        for (const { body, metadata = {} } of messages) {
          const userProperties = metadata as Record<string, string | string[]>;
          deliver(
            version === 5
              ? { topic: TOPIC, payload: body, properties: { userProperties } }
              : { topic: TOPIC, payload: seal(body, metadata) },
          );
        }
      },
      async take() {
        const [packet] = raw.published.splice(0, 1);
        if (packet === undefined) throw new Error('nothing was published');
        const { fields, payload } = open(packet.payload);
        return {
          body: String(payload),
          metadata: listsIn(fields ?? packet.properties?.userProperties ?? {}),
        };
      },
      failNextSend(error) {
        raw.failure = error;
      },
    };
  };
}

conform({ ...shared, name: 'MQTT 5, publish', connect: connecting(5, 'callback') });
conform({ ...shared, name: 'MQTT 5, publishAsync', connect: connecting(5, 'promise') });
conform(
  { ...shared, name: 'MQTT 3.1.1 in envelopes', connect: connecting(4, 'callback') },
  {
    'keeps a creation context that the message holds already, and links the send to it': NO_METADATA,
    'replaces fields that are no context and that the sender left in the metadata': NO_METADATA,
    'keeps the baggage of a message that is sent, whose entries win over those of the context': NO_METADATA,
    'replaces them in any letter case': NO_METADATA,
    "sends the application's own metadata and body as they are, beside the context": NO_METADATA,
    'sends nothing of its own when no SDK is registered': NO_METADATA,
    'leaves a traceparent that the sender set alone when no SDK is registered': NO_METADATA,
  },
);
