import { AsyncResource } from 'node:async_hooks';
import { context, createContextKey, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import {
  fieldsWritten,
  guarded,
  isHeldApart,
  registeredApi,
  unregisteredTracer,
} from '@throughline/core/seam';
import { refusedCopies, unreadingCopies } from './api-copies.ts';
import { type Finding, finding } from './finding.ts';
import { tracerBesides } from './tracer-findings.ts';

/** Which registered parts a service needs. Those that it passed to our middleware as options need not be registered. */
export interface Reliance {
  readonly tracerProvider: boolean;
  readonly propagator: boolean;
}

/**
 * Returns what the API's registry shows of this process now: TL001 to TL007, TL017 and TL018.
 *
 * It starts no span: a probe would reach samplers and processors.
 */
export function checkRegistration(relies: Reliance): readonly Finding[] {
  return [...checkCopies(), ...checkSlots(relies)];
}

function checkSlots(relies: Reliance): readonly Finding[] {
  const { trace: provider, version } = registeredApi();
  if (provider === undefined && relies.tracerProvider) {
    if (isDisabledOnPurpose()) return [];
    const other = unregisteredTracer();
    return [other === undefined ? noSdk() : tracerBesides(other), ...refusedCopies(version)];
  }
  if (provider !== undefined && trace.getTracerProvider() !== provider)
    return [unreadableSdk(version), ...unreadingCopies(version)];
  return [
    ...checkContextManager(),
    ...(relies.propagator ? checkPropagator() : []),
    ...(provider === undefined ? [] : unreadingCopies(version)),
  ];
}

/** Returns TL018 if one copy of the core activates contexts that another does not see. */
function checkCopies(): readonly Finding[] {
  if (registeredApi().context !== undefined || !isHeldApart('context')) return [];
  return [
    finding('TL018', 'warning', {
      fact: 'Two copies of @throughline/core are loaded that carry contexts apart.',
      consequence:
        'The context of a request that one copy serves does not reach calls made through the other.',
      fix: 'Run "npm ls @throughline/core" and make it one version, or register a context manager.',
    }),
  ];
}

/** @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration */
function isDisabledOnPurpose(): boolean {
  const { OTEL_SDK_DISABLED: disabled, OTEL_TRACES_EXPORTER: exporter } = globalThis.process?.env ?? {};
  return disabled?.trim().toLowerCase() === 'true' || exporter?.trim().toLowerCase() === 'none';
}

function noSdk(): Finding {
  return finding('TL001', 'warning', {
    fact: 'No OpenTelemetry SDK is registered.',
    consequence: "This service records no spans; it passes its callers' trace headers on as received.",
    fix: 'Start an SDK before the app: node --import ./tracing.js app.js. If there is to be none: OTEL_SDK_DISABLED=true.',
  });
}

function unreadableSdk(version: string | undefined): Finding {
  return finding('TL002', 'warning', {
    fact: `An SDK is registered through @opentelemetry/api ${version}, which the copy that Throughline uses cannot read.`,
    consequence: 'Throughline records no spans.',
    fix: 'Run "npm ls @opentelemetry/api" and make it one version.',
  });
}

const PROBE = createContextKey('Throughline self-check');

function checkContextManager(): readonly Finding[] {
  const isMarked = () => context.active().getValue(PROBE) === true;
  const probe = () => {
    let asynchronous: AsyncResource | undefined;
    const synchronous = context.with(ROOT_CONTEXT.setValue(PROBE, true), () => {
      // It captures the active context as a promise or a timer would, and can be run at once.
      asynchronous = new AsyncResource('ThroughlineSelfCheck');
      return isMarked();
    });
    return { synchronous, asynchronous: asynchronous?.runInAsyncScope(isMarked) === true };
  };
  const carries = guarded('the context manager threw when it was tried', probe, NOTHING_CARRIED);
  const fix =
    'Register one that does: context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()).';
  if (!carries.synchronous)
    return [
      finding('TL003', 'warning', {
        fact: 'No context manager of OpenTelemetry carries the active context.',
        consequence:
          'Throughline carries it for its own spans and calls, but those that other code makes in a handler do not find their parent.',
        fix,
      }),
    ];
  if (!carries.asynchronous)
    return [
      finding('TL004', 'warning', {
        fact: 'The registered context manager loses the active context in asynchronous code.',
        consequence: 'Work that a handler does after an await or in a callback is in no trace.',
        fix,
      }),
    ];
  return [];
}

const NOTHING_CARRIED = { synchronous: false, asynchronous: false };

function checkPropagator(): readonly Finding[] {
  const written = guarded('a propagator threw in inject()', fieldsWritten);
  if (written === undefined || written.includes('traceparent')) return [];
  if (written.length > 0)
    return [
      finding('TL006', 'info', {
        fact: `Of trace headers, only ${written.join(', ')} is written here, and not traceparent.`,
        consequence: 'Services that read only W3C Trace Context start traces of their own.',
        fix: 'Add the W3C propagator to the composite, or tracecontext to OTEL_PROPAGATORS.',
      }),
    ];
  if (globalThis.process?.env.OTEL_PROPAGATORS?.trim().toLowerCase() === 'none') return [];
  const registered = registeredApi().propagation !== undefined;
  return [
    finding('TL005', 'warning', {
      fact: registered
        ? 'The registered propagator writes no trace headers.'
        : 'No propagator is registered.',
      consequence:
        "This service does not continue its callers' traces, nor do the services that it calls continue its own.",
      fix: 'Register one: propagation.setGlobalPropagator(createPropagator()) of @throughline/propagators.',
    }),
  ];
}
