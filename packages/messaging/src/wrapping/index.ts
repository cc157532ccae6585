/**
 * What packages wrap clients and their listeners with.
 *
 * For packages of this repository, which are released together. It does not follow semantic versioning.
 *
 * @internal
 * @module
 */
export { listenerMethods } from './listeners.ts';
export type { Method } from './method.ts';
export { peerOf } from './peer-of.ts';
export { sendWithCallback } from './send-with-callback.ts';
export { wrapClient } from './wrap-client.ts';
