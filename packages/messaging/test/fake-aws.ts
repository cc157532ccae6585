/** A message attribute as the SDK has it. */
export interface FakeAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  readonly BinaryValue?: Uint8Array;
}

export type FakeAttributes = Record<string, FakeAttribute>;

type Input = Record<string, unknown>;

/** A command as the SDK has made them since 2025, known by its schema; the class name is as a minifier leaves it. */
class t {
  readonly input: Input;
  readonly schema: unknown;
  readonly middlewareStack = { added: [] as string[] };

  constructor(operation: string, input: Input) {
    this.input = input;
    this.schema = [9, 'com.amazonaws', operation, 0, () => undefined, () => undefined];
  }
}

/** A command of this operation. */
export const command = (operation: string, input: Input = {}) => new t(operation, input);

type Command = { readonly input: Input; readonly schema?: unknown };
type Callback = (error: unknown, output?: unknown) => void;

/** A client of the AWS SDK v3 that hands its commands to a service in memory. */
export class FakeAwsClient<Service extends object> {
  readonly service: Service;
  /** The inputs that came, by operation, oldest first. */
  readonly requests: { readonly operation: string; readonly input: Input; readonly options?: unknown }[] = [];
  failure: Error | undefined;

  constructor(service: Service) {
    this.service = service;
  }

  send(sent: Command, ...rest: unknown[]): Promise<unknown> | undefined {
    const callback = rest.find((value): value is Callback => typeof value === 'function');
    const output = this.#perform(sent, rest[0]);
    if (callback === undefined) return output;
    output.then(
      (value) => callback(null, value),
      (error: unknown) => callback(error),
    );
    return undefined;
  }

  /** As the methods of `SQS` and `SNS` do it. */
  async sendMessage(input: Input): Promise<unknown> {
    return this.send(command('SendMessage', input));
  }

  async #perform(sent: Command, options: unknown): Promise<unknown> {
    const { schema, input } = sent;
    const operation = Array.isArray(schema)
      ? String(schema[2])
      : sent.constructor.name.replace('Command', '');
    this.requests.push({ operation, input, ...(typeof options === 'object' && { options }) });
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
    return (this.service as Record<string, (input: Input) => unknown>)[operation]?.(input) ?? {};
  }
}
