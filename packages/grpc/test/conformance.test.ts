import { defineRpcConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { connectLibrary, grpcLibrary } from './rpc-libraries.ts';

defineRpcConformance({ describe, it }, grpcLibrary(sdk3));

for (const [protocol, version] of [
  ['connect', '1.1'],
  ['connect', '2'],
  ['grpc', '2'],
  ['grpc-web', '1.1'],
  ['grpc-web', '2'],
] as const)
  defineRpcConformance({ describe, it }, connectLibrary(protocol, version, sdk3));
