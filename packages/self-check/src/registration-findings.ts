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

/** Which of the registered parts a service needs: it may have given our middleware its own. */
export interface Reliance {
  readonly tracerProvider: boolean;
  readonly propagator: boolean;
}

/**
 * What the API's registry says of this process now: TL001 to TL007, TL017 and TL018.
 *
 * Nothing is started and nothing is sent: a probe span would reach samplers and processors.
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

/** TL018: contexts that one copy of our core activates and another does not see. */
function checkCopies(): readonly Finding[] {
  if (registeredApi().context !== undefined || !isHeldApart('context')) return [];
  return [
    finding('TL018', 'warning', {
      fact: 'Two copies of @throughline/core are loaded that carry contexts apart.',
      consequence: 'What a middleware of one received does not reach the calls made through the other.',
      fix: 'Run "npm ls @throughline/core" and make it one version, or register a context manager.',
    }),
  ];
}

/** @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration */
function isDisabledOnPurpose(): boolean {
  const { OTEL_SDK_DISABLED: disabled, OTEL_TRACES_EXPORTER: exporter } = process.env;
  return disabled?.trim().toLowerCase() === 'true' || exporter?.trim().toLowerCase() === 'none';
}

function noSdk(): Finding {
  return finding('TL001', 'warning', {
    fact: 'No OpenTelemetry SDK is registered.',
    consequence: 'This service records no spans; it passes the trace headers of its callers on as received.',
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
      // It captures what is active as a promise or a timer would, and can be asked at once.
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
        consequence: 'What a handler does after an await or in a callback is in no trace.',
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
        fact: `Of trace headers only ${written.join(', ')} is written here, and not traceparent.`,
        consequence: 'Services that speak W3C Trace Context start traces of their own.',
        fix: 'Add the W3C propagator to the composite, or tracecontext to OTEL_PROPAGATORS.',
      }),
    ];
  if (process.env.OTEL_PROPAGATORS?.trim().toLowerCase() === 'none') return [];
  const registered = registeredApi().propagation !== undefined;
  return [
    finding('TL005', 'warning', {
      fact: registered
        ? 'The registered propagator writes no trace headers.'
        : 'No propagator is registered.',
      consequence:
        'Traces of callers do not continue in the spans of this service, nor its own in those it calls.',
      fix: 'Register one: propagation.setGlobalPropagator(createPropagator()) of @throughline/propagators.',
    }),
  ];
}
