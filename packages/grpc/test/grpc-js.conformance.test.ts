import { defineRpcConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { connectGrpc, GRPC_METHODS } from './grpc-js-echo.ts';

defineRpcConformance(
  { describe, it },
  {
    name: '@grpc/grpc-js',
    sdk: sdk3,
    system: 'grpc',
    methods: GRPC_METHODS,
    statusCode: (status) => status,
    plainErrorStatus: 'UNKNOWN',
    connect: connectGrpc,
  },
);
