import type { Attributes } from '@opentelemetry/api';
import { semconv } from '@throughline/core/seam';
import type { MessagingTarget } from '../verbs/message.ts';

/** The settings of a client of the AWS SDK that lead to its endpoint; all of them are lazy. */
interface AwsConfig {
  readonly endpoint?: () => Promise<{
    readonly hostname?: string;
    readonly port?: number;
    readonly protocol?: string;
  }>;
  readonly region?: () => Promise<string>;
  readonly useFipsEndpoint?: () => Promise<boolean>;
  readonly useDualstackEndpoint?: () => Promise<boolean>;
  readonly endpointProvider?: (parameters: object) => { readonly url: URL } | undefined;
}

type Server = Pick<MessagingTarget, 'serverAddress' | 'serverPort'>;

/**
 * Returns a function that returns the endpoint of a client once it is known: the one that it is configured with, or the
 * one that the SDK's own rules give for its region. The first call of the function starts to resolve it.
 */
export function serverOf(client: object): () => Server {
  let server: Server | undefined;
  return () => {
    if (server === undefined) {
      server = {};
      resolved(client).then(
        (found) => {
          server = found;
        },
        // The client's own calls fail for the same reason, and report it.
        () => {},
      );
    }
    return server;
  };
}

/** Returns a server as attributes of a span that has started. */
export function serverAttributes({ serverAddress, serverPort }: Server): Attributes {
  return serverAddress === undefined
    ? {}
    : { [semconv.ATTR_SERVER_ADDRESS]: serverAddress, [semconv.ATTR_SERVER_PORT]: serverPort };
}

async function resolved(client: object): Promise<Server> {
  const { config = {} } = client as { readonly config?: AwsConfig };
  const { hostname, port, protocol } = (await config.endpoint?.()) ?? (await regional(config)) ?? {};
  if (!hostname) return {};
  return { serverAddress: hostname, serverPort: Number(port) || (protocol === 'http:' ? 80 : 443) };
}

async function regional(config: AwsConfig): Promise<URL | undefined> {
  return config.endpointProvider?.({
    Region: await config.region?.(),
    UseFIPS: await config.useFipsEndpoint?.(),
    UseDualStack: await config.useDualstackEndpoint?.(),
  })?.url;
}
