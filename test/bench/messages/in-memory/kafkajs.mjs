import { later, required } from './double.mjs';

/** One topic with one partition: what was text arrives as bytes. */
class Kafka {
  #eachMessage;
  #offset = 0;

  producer() {
    return {
      ...listenable,
      send: async ({ topic, messages }) => {
        for (const { key, value, headers } of messages) {
          const message = {
            key: key === undefined ? null : Buffer.from(key),
            value,
            timestamp: '1700000000000',
            offset: `${this.#offset++}`,
            headers: {},
          };
          for (const name in headers) message.headers[name] = Buffer.from(headers[name]);
          later(() => this.#eachMessage({ topic, partition: 0, message }));
        }
        return [{ topicName: topic, partition: 0, errorCode: 0 }];
      },
      async sendBatch() {},
      async transaction() {},
    };
  }

  consumer() {
    return {
      ...listenable,
      run: async ({ eachMessage }) => {
        this.#eachMessage = eachMessage;
      },
      async commitOffsets() {},
    };
  }
}

const listenable = {
  events: { REQUEST: 'request', GROUP_JOIN: 'group_join', CONNECT: 'connect' },
  on: () => () => {},
  async connect() {},
};

export default {
  async connect({ trace }) {
    const kafka = new (required('kafkajs', 'index.js', { Kafka }).Kafka)();
    const traced = (name, client) => trace?.[name](client) ?? client;
    const producer = traced('traceProducer', kafka.producer());
    const consumer = traced('traceConsumer', kafka.consumer());
    return {
      send: (value) => producer.send({ topic: 'orders', messages: [{ value }] }),
      consume: (handler) => consumer.run({ eachMessage: handler }),
    };
  },
};
