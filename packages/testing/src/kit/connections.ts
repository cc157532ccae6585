import assert from 'node:assert/strict';

/** The clients that one case makes; its own client is the first. */
export interface Connections<Client, TraceOptions> {
  connect(traceOptions: TraceOptions): Promise<Client>;
  /** Throws an `AssertionError` when there is none yet. */
  first(): Client;
  closeAll(): Promise<void>;
}

/** Returns the connections of one case, none yet. */
export function createConnections<Client extends { close?(): unknown }, TraceOptions>(options: {
  connect(traceOptions: TraceOptions): Client | Promise<Client>;
}): Connections<Client, TraceOptions> {
  const clients: Client[] = [];
  return {
    async connect(traceOptions) {
      const made = await options.connect(traceOptions);
      clients.push(made);
      return made;
    },
    first() {
      const [client] = clients;
      assert.ok(client, 'the client was not made');
      return client;
    },
    async closeAll() {
      for (const made of clients) await made.close?.();
    },
  };
}
