import type { Method } from '../wrapping/method.ts';

/** Calls a method of a client by its name. */
export type Call = (name: string, args: readonly unknown[]) => unknown;

/** Returns a function that calls the methods of a client, or of a pipeline, by their names. */
export const callerOf =
  (client: object): Call =>
  (name, args) =>
    Reflect.apply((client as Record<string, Method>)[name] as Method, client, args as never[]);
