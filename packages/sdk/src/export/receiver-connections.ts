import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { OtlpSettings } from '../settings/otlp-settings.ts';

/**
 * The connections of one exporter to its receiver. They can be closed at once, because a request that the receiver does
 * not answer would keep the process alive for as long as the exporter waits.
 */
export class ReceiverConnections {
  readonly #tls: OtlpSettings['tls'];
  readonly #sockets = new Set<Socket>();
  #givenUp: Error | undefined;

  constructor(tls: OtlpSettings['tls']) {
    this.#tls = tls;
  }

  /** Returns the agent for `http:` or `https:`. Exporters call it for the protocol that they use. */
  agent(protocol: string): HttpAgent {
    const agent =
      protocol === 'https:'
        ? new HttpsAgent({ keepAlive: true, ...this.#tls })
        : new HttpAgent({ keepAlive: true });
    const connect = agent.createConnection.bind(agent);
    agent.createConnection = (options, callback) => {
      if (this.#givenUp !== undefined) throw this.#givenUp;
      const socket = connect(options, callback) as Socket;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      return socket;
    };
    return agent;
  }

  /** Closes what is open, with an error that exporters do not retry, and opens nothing afterwards. */
  giveUp(reason: Error): void {
    this.#givenUp = reason;
    for (const socket of this.#sockets) socket.destroy(reason);
  }
}
