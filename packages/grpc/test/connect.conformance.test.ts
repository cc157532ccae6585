import { defineRpcConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { CONNECT_METHODS, connectBy } from './connect-echo.ts';

const TRANSPORTS = [
  ['connect', '1.1'],
  ['connect', '2'],
  ['grpc', '2'],
  ['grpc-web', '1.1'],
  ['grpc-web', '2'],
] as const;

for (const [protocol, version] of TRANSPORTS)
  defineRpcConformance(
    { describe, it },
    {
      name: `@connectrpc/connect, ${protocol} over HTTP/${version}`,
      sdk: sdk3,
      system: 'connectrpc',
      methods: CONNECT_METHODS,
      statusCode: (status) =>
        status === 'OK' ? undefined : status === 'CANCELLED' ? 'canceled' : status.toLowerCase(),
      plainErrorStatus: 'INTERNAL',
      connect: connectBy(protocol, version),
      capabilities: {
        ...(version === '1.1' && { bidi: { reason: 'HTTP/1.1 does not stream in both directions at once' } }),
        listeners: { reason: 'handlers read by iteration; there are no listeners but those of the signal' },
        retries: { reason: 'the library repeats no calls' },
        serverDeadline: { reason: 'the library leaves it to the handler to stop at a deadline' },
        peer: { reason: 'the library does not show connections to interceptors' },
      },
    },
  );
