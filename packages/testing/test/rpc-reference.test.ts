import { defineRpcConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { rpcKitOptions } from './rpc-kit-options.ts';

defineRpcConformance({ describe, it }, rpcKitOptions());
