import { nodeModule } from './node-module.ts';

/** The channels on which parts of a process show what they do; `undefined` on a runtime without them. */
export const channels = nodeModule<typeof import('node:diagnostics_channel')>('node:diagnostics_channel');
