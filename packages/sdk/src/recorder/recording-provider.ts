import { type AttributeValue, diag, ROOT_CONTEXT, type Tracer } from '@opentelemetry/api';
import * as core from '@opentelemetry/core';
import { defaultResource } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  ParentBasedSampler,
  RandomIdGenerator,
  type ReadableSpan,
  TracerProvider,
  type TracerProviderOptions,
} from '@opentelemetry/sdk-trace';
import { RecordingTracer, type TracerSettings } from './recording-tracer.ts';
import { SDK_2_RULES } from './span-of-sdk-2.ts';
import { SDK_3_RULES } from './span-of-sdk-3.ts';
import type { SpanRules } from './span-rules.ts';

/**
 * The SDK's provider with tracers of our own. They record the same and cost less.
 *
 * The SDK's tracers remain where its rules cannot be followed. Metrics about spans are not recorded.
 */
export class RecordingTracerProvider extends TracerProvider {
  private readonly _settings: TracerSettings | undefined;
  private readonly _recordingTracers = new WeakMap<Tracer, Tracer>();

  constructor(options: TracerProviderOptions = {}) {
    super(options);
    const rules = rulesOfSdk();
    const limits = options.spanLimits ?? {};
    this._settings = rules && {
      rules,
      resource: options.resource ?? defaultResource(),
      sampler: options.sampler ?? new ParentBasedSampler({ root: new AlwaysOnSampler() }),
      idGenerator: options.idGenerator ?? new RandomIdGenerator(),
      processors: options.spanProcessors ?? [],
      limits: {
        attributeCountLimit: limits.attributeCountLimit ?? 128,
        attributeValueLengthLimit: limits.attributeValueLengthLimit ?? Infinity,
        eventCountLimit: limits.eventCountLimit ?? 128,
        linkCountLimit: limits.linkCountLimit ?? 128,
        attributePerEventCountLimit: limits.attributePerEventCountLimit ?? 128,
        attributePerLinkCountLimit: limits.attributePerLinkCountLimit ?? 128,
      },
    };
  }

  override getTracer(name: string, version?: string, options?: { schemaUrl?: string }): Tracer {
    // The SDK's own decides which calls mean the same tracer.
    const tracer = super.getTracer(name, version, options);
    if (this._settings === undefined) return tracer;
    let recording = this._recordingTracers.get(tracer);
    if (recording === undefined) {
      const scope = { name, version, schemaUrl: options?.schemaUrl } as core.InstrumentationScope;
      recording = new RecordingTracer(scope, this._settings, tracer);
      this._recordingTracers.set(tracer, recording);
    }
    return recording;
  }
}

/** Returns the rules that the loaded SDK follows, or `undefined` if its lines are mixed. */
function rulesOfSdk(): SpanRules | undefined {
  const attributes = { probe: null as unknown as AttributeValue };
  const probe = new TracerProvider({ sampler: new AlwaysOnSampler() }).getTracer('probe');
  const span = probe.startSpan('probe', { attributes }, ROOT_CONTEXT) as unknown as ReadableSpan;
  if (!('probe' in span.attributes)) return SDK_2_RULES;
  if ('cleanAttributes' in core) return SDK_3_RULES;
  diag.info('@opentelemetry/core is older than @opentelemetry/sdk-trace; spans are recorded by the SDK');
  return undefined;
}
