/** A broker, cloud service or double that the integration tests talk to through its real client. */
export interface Service {
  /** As on the command line of `run.ts`; `TL_<NAME>_URL` is where a running one is found. */
  readonly name: string;
  /** Why none can be started on this machine, in words that follow "skipped:"; `undefined` when one can. */
  missing(): string | undefined;
  /** Starts one that nobody else uses: on loopback, on a port of its own, with an empty data folder. */
  start(): Promise<RunningService>;
}

export interface RunningService {
  /** What the client connects to: a URL, or the connection string where the client wants one. */
  readonly url: string;
  /** What runs there, for the report of the runner. */
  readonly description: string;
  /** Whether messages that it had accepted outlive a restart. */
  readonly durable: boolean;
  /** Stops it and starts it again on the same port. */
  restart(): Promise<void>;
  /** Ends it with all its processes and removes its data. */
  stop(): Promise<void>;
}

/** `TL_RABBITMQ_URL` for `rabbitmq`. */
export function urlVariable(service: Service): string {
  return `TL_${service.name.toUpperCase().replaceAll('-', '_')}_URL`;
}
