import type { MessageFields } from '../messages/message-codec.ts';
import { asFields } from '../messages/read-fields.ts';

/** The arguments of an event of Socket.IO, taken apart. */
export interface EventArguments {
  /** Those of the application, without the acknowledgement. */
  readonly content: readonly unknown[];
  /** The context that the event carries. Absent: none. */
  readonly fields?: MessageFields | undefined;
  /** Absent: none was asked for. */
  readonly acknowledge?: ((...results: unknown[]) => unknown) | undefined;
}

/** Takes the arguments of an event apart. The context is the last one before the acknowledgement: `{ $trace: { … } }`. */
export function splitArguments(args: readonly unknown[], carries: boolean): EventArguments {
  const last = args.at(-1);
  const acknowledge = typeof last === 'function' ? (last as EventArguments['acknowledge']) : undefined;
  const given = acknowledge === undefined ? args : args.slice(0, -1);
  const fields = carries ? fieldsOf(given.at(-1)) : undefined;
  return { content: fields === undefined ? given : given.slice(0, -1), fields, acknowledge };
}

/** Puts the arguments of an event together. */
export function joinArguments({ content, fields, acknowledge }: EventArguments): unknown[] {
  return [
    ...content,
    ...(fields === undefined ? [] : [{ $trace: fields }]),
    ...(acknowledge === undefined ? [] : [acknowledge]),
  ];
}

function fieldsOf(value: unknown): MessageFields | undefined {
  const found = asFields(value);
  if (found === undefined || Object.keys(found).length !== 1) return undefined;
  return asFields(found.$trace);
}
