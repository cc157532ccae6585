import { traceClient } from '@throughline/messaging/mqtt';
import mqtt, { type MqttClient } from 'mqtt';
import type { ClientUnderTest } from '../client.ts';

/** MQTT.js on one version of the protocol. */
export function clientOf(protocolVersion: 4 | 5): ClientUnderTest {
  return {
    service: 'mosquitto',
    // A message counts as delivered when MQTT.js has it, whatever a listener does.
    redelivers: false,
    batches: false,
    // The broker keeps messages for sessions that it knows, not for whoever subscribes later.
    durable: false,
    async connect(url) {
      const open: MqttClient[] = [];
      const connect = async () => {
        const client = await mqtt.connectAsync(url, { protocolVersion, reconnectPeriod: 50 });
        // Without a listener, a broker that is restarted would end the process.
        client.on('error', () => {});
        open.push(client);
        return client;
      };
      const options = { envelope: protocolVersion === 4 };
      const bare = await connect();
      const client = traceClient(bare, options);
      return {
        async send(topic, body) {
          await client.publishAsync(topic, body, { qos: 1 });
        },
        async sendBare(topic, body, metadata) {
          // With empty user properties, MQTT.js writes a packet that the broker takes for half of one.
          const has5 = protocolVersion === 5 && Object.keys(metadata).length > 0;
          const how = { qos: 1, ...(has5 && { properties: { userProperties: metadata } }) } as const;
          const payload = protocolVersion === 5 ? body : JSON.stringify({ $trace: metadata, data: body });
          await bare.publishAsync(topic, payload, how);
        },
        async consume(topic, handler) {
          const subscriber = traceClient(await connect(), options);
          subscriber.on('message', (_topic, payload) => void handler(payload.toString()).catch(() => {}));
          await subscriber.subscribeAsync(topic, { qos: 1 });
        },
        async close() {
          await Promise.all(open.map((one) => one.endAsync(true)));
        },
      };
    },
  };
}

export default clientOf(5);
