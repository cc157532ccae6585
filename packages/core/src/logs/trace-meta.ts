import { type LogFields, type LogFieldsOptions, logFieldsReader } from './log-fields.ts';

/**
 * Returns an object for winston's `defaultMeta` with the ids of the active span and your own metadata.
 *
 * winston reads `defaultMeta` where a line is logged. Its formats run too late: when the line is written, which under
 * load happens in the context of another request. Do not spread the object: its getters read the active span each time.
 * Outside of a trace the ids are `undefined`, which the JSON format leaves out.
 *
 * @param own Metadata for every line. Default: none.
 * @throws TypeError at set-up when an option has the wrong type.
 * @example
 * const logger = winston.createLogger({ defaultMeta: traceMeta({ service: 'orders' }) });
 */
export function traceMeta<T extends object>(own?: T, options: LogFieldsOptions = {}): T & LogFields {
  const read = logFieldsReader(options, 'traceMeta()');
  const names = [
    'trace_id',
    'span_id',
    'trace_flags',
    ...(options.baggage ?? []).map((name) => `baggage.${name}`),
  ];
  const meta = { ...own };
  for (const name of names)
    Object.defineProperty(meta, name, { enumerable: true, get: () => read()[name as keyof LogFields] });
  return meta as T & LogFields;
}
