/**
 * Contexts that cross threads, processes and pools of them, and functions, listeners and iterators that keep theirs.
 *
 * @module
 */

// Within one process: what is called from elsewhere.

export { bindCallback } from './binding/bind-callback.ts';
export { bindEmitter } from './binding/bind-emitter.ts';
export { bindIterable } from './binding/bind-iterable.ts';

// Between threads and processes.

export { type Environment, environmentWithContext } from './inheritance/environment.ts';
export { inheritedContext } from './inheritance/inherited-context.ts';
export { traceMessages } from './messages/trace-messages.ts';
export { type TaskPool, traceTasks } from './tasks/trace-tasks.ts';
export { tracedTask } from './tasks/traced-task.ts';
