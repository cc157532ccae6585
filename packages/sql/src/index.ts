/**
 * The context in the comment of a statement, for clients that have no wrapper here.
 *
 * @module
 */
export { withComment } from './comment/with-comment.ts';
