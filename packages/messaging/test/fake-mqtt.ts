import { EventEmitter } from 'node:events';

export interface FakePublishOptions {
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly properties?: {
    readonly userProperties?: Record<string, string | string[]>;
    readonly contentType?: string;
  };
}

export interface FakePacket extends FakePublishOptions {
  readonly topic: string;
  readonly payload: string | Buffer;
}

type Callback = (error?: Error | null, packet?: FakePacket) => void;

/** A client with the forms of MQTT.js 5; what is published stays in `published`. */
export class FakeMqttClient extends EventEmitter {
  readonly options = { protocolVersion: 5, clientId: 'c1', hostname: 'localhost', port: 1883 };
  readonly published: FakePacket[] = [];
  failure: Error | undefined;

  publish(
    topic: string,
    payload: string | Buffer,
    ...rest: [how?: FakePublishOptions | Callback | undefined, done?: Callback]
  ): this {
    const [first, second] = rest;
    const [how, callback] = typeof first === 'function' ? [undefined, first] : [first, second];
    const packet = { ...how, topic, payload };
    if (this.failure === undefined) this.published.push(packet);
    setImmediate(() => callback?.(this.failure ?? null, packet));
    return this;
  }

  publishAsync(topic: string, payload: string | Buffer, options?: FakePublishOptions): Promise<FakePacket> {
    return new Promise((resolve, reject) => {
      this.publish(topic, payload, options, (error, packet) =>
        error ? reject(error) : resolve(packet as FakePacket),
      );
    });
  }

  /** A message that arrives. */
  deliver({ topic, payload, ...packet }: FakePacket): void {
    this.emit('message', topic, Buffer.from(payload), { cmd: 'publish', ...packet });
  }
}
