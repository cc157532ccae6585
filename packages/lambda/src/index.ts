export type { LambdaOptions } from './lambda-options.ts';
export { tracedHandler } from './traced-handler.ts';
