import type { ConformanceCase, ConformanceRunner } from '../kit/conformance-case.ts';
import { createConformanceKit } from '../kit/conformance-kit.ts';
import { aFunction, aNumber, aText } from '../kit/kit-options.ts';
import { handshakeCases } from './cases/handshake.ts';
import { lastingSocketCases } from './cases/lasting-sockets.ts';
import { socketMessageCases } from './cases/messages.ts';
import { socketNoSdkCases } from './cases/no-sdk.ts';
import { socketOptionCases } from './cases/options.ts';
import { runSocketCase } from './run-socket-case.ts';
import type { SocketCase } from './socket-case.ts';
import type { SocketConformanceOptions } from './socket-conformance-options.ts';

const kit = createConformanceKit<SocketConformanceOptions, SocketCase>({
  subject: 'sockets',
  entry: 'socketConformanceCases()',
  rules: { system: aText, status: aNumber, open: aFunction },
  groups: {
    handshake: handshakeCases,
    messages: socketMessageCases,
    'sockets that last': lastingSocketCases,
    options: socketOptionCases,
    'no SDK': socketNoSdkCases,
  },
  run: runSocketCase,
});

/**
 * Returns the cases for sockets, each with its own `run()`, for runners that are not `describe`/`it`.
 *
 * @example
 * for (const one of socketConformanceCases(options)) if (!one.skip) await one.run();
 */
export function socketConformanceCases(options: SocketConformanceOptions): ConformanceCase[] {
  return kit.cases(options);
}

/**
 * Registers the cases for sockets with a test runner.
 *
 * @example
 * import { describe, it } from 'node:test';
 * defineSocketConformance({ describe, it }, { name: 'my sockets', system: 'websocket', status: 101, sdk, open });
 */
export function defineSocketConformance(runner: ConformanceRunner, options: SocketConformanceOptions): void {
  kit.define(runner, options);
}
