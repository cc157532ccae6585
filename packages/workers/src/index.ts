/**
 * Functions, listeners and iterators that run in the context in which they were made.
 *
 * @module
 */

export { bindCallback } from './binding/bind-callback.ts';
export { bindEmitter } from './binding/bind-emitter.ts';
export { bindIterable } from './binding/bind-iterable.ts';
