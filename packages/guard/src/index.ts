/**
 * What protects an application from its own tracing: it reports faults instead of throwing, checks options, and records no
 * secret.
 *
 * For packages of this repository, which are released together. It does not follow semantic versioning.
 *
 * @internal
 * @module
 */

// Faults are reported to `diag` once per cause, also where several copies of this package are loaded.

export { className, isError } from './error-class.ts';
export { guarded, reportOnce } from './guard.ts';
export { isHeldApart, sharedByCopies } from './shared-by-copies.ts';

// Not every runtime has the modules of Node.

export { channels } from './channels.ts';
export { nodeModule } from './node-module.ts';

// Options are checked when something is set up.

export { findWrongOption, isNames, isPropagator, type OptionRules, typeName } from './option-check.ts';

// Secrets are taken out of everything that is recorded.

export type { SecretSources } from './redaction/known-secrets.ts';
export { createRedaction, isSecretHeader, type Redaction, redaction } from './redaction/redaction.ts';
