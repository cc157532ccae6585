import { later, required } from './double.mjs';

class Channel {
  #consumer;
  #tag = 0;

  constructor(connection) {
    this.connection = connection;
  }

  emit() {}

  publish(exchange, routingKey, content, { headers, ...properties } = {}) {
    const fields = { exchange, routingKey, deliveryTag: ++this.#tag, consumerTag: 'c' };
    const message = { fields, properties: { ...properties, headers: { ...headers } }, content };
    later(() => this.#consumer(message));
    return true;
  }

  sendToQueue(queue, content, options) {
    return this.publish('', queue, content, options);
  }

  async consume(_queue, onMessage) {
    this.#consumer = onMessage;
    return { consumerTag: 'c' };
  }

  async get() {
    return false;
  }

  ack() {}
  nack() {}
  reject() {}
  ackAll() {}
  nackAll() {}
}

class ConfirmChannel extends Channel {
  publish(exchange, routingKey, content, options, confirmed) {
    super.publish(exchange, routingKey, content, options);
    later(() => confirmed(null));
    return true;
  }

  sendToQueue(queue, content, options, confirmed) {
    return this.publish('', queue, content, options, confirmed);
  }

  async waitForConfirms() {}
}

const CONNECTION = {
  stream: { remoteAddress: '127.0.0.1', remotePort: 5672 },
  serverProperties: { product: 'RabbitMQ' },
};

/** A confirm channel: every publish is confirmed and every message acknowledged. */
export default {
  async connect({ trace }) {
    const { connect } = required('amqplib', 'lib/connect.js', {
      connect: (_url, _options, opened) => opened(null, CONNECTION),
    });
    const model = required('amqplib', 'lib/channel_model.js', { Channel, ConfirmChannel });
    const connection = await new Promise((resolve) => {
      connect('amqp://127.0.0.1', {}, (_error, opened) => resolve(opened));
    });
    const bare = new model.ConfirmChannel(connection);
    const channel = trace?.traceChannel(bare) ?? bare;
    return {
      send: (body) =>
        new Promise((resolve, reject) => {
          channel.sendToQueue('orders', body, { messageId: '1' }, (error) =>
            error ? reject(error) : resolve(),
          );
        }),
      consume: (handler) =>
        channel.consume('orders', async (message) => {
          await handler();
          channel.ack(message);
        }),
    };
  },
};
