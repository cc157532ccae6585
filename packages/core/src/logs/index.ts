export {
  createLogFields,
  type LogFields,
  type LogFieldsOptions,
  logFields,
  type ReadLogFields,
} from './log-fields.ts';
export { traceMeta } from './trace-meta.ts';
