import {
  type Attributes,
  type AttributeValue,
  diag,
  type Exception,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
} from '@opentelemetry/api';
import {
  addHrTimes,
  hrTime,
  hrTimeDuration,
  type InstrumentationScope,
  isTimeInput,
  isTimeInputHrTime,
  millisToHrTime,
} from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, SpanLimits, SpanProcessor, TimedEvent } from '@opentelemetry/sdk-trace';
import { INSPECT, type Inspect, type InspectOptions, inspectedSpan } from './inspected-span.ts';

/** What all spans of a provider share. */
export interface Recording {
  readonly resource: Resource;
  readonly limits: Required<SpanLimits>;
  readonly processors: readonly SpanProcessor[];
}

/** What a span starts with. */
export interface SpanBeginning {
  readonly recording: Recording;
  readonly scope: InstrumentationScope;
  readonly spanContext: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  readonly startTime: TimeInput | undefined;
  /** What the sampler has seen, and what it added. The span keeps the object if nothing in it has to be changed. */
  readonly attributes: Attributes;
  /** How many attributes were left out before. */
  readonly dropped: number;
  /** What the sampler has seen. */
  readonly links: Link[];
}

const NOT_ENDED = Object.freeze([0, 0]) as unknown as HrTime;
const NO_DURATION = Object.freeze([-1, -1]) as unknown as HrTime;

const ATTR_EXCEPTION_TYPE = 'exception.type';
const ATTR_EXCEPTION_MESSAGE = 'exception.message';
const ATTR_EXCEPTION_STACKTRACE = 'exception.stacktrace';

/**
 * A span that records what the SDK's own span records. What differs between the lines of the SDK, its rules for
 * attributes, is in the subclasses.
 *
 * It has no `#private` members on purpose: exporters and processors of others look at spans through proxies and through
 * objects that inherit from them, and on these such members do not exist.
 */
export abstract class RecordedSpan implements Span, ReadableSpan {
  // Declared only: a field would first be made without a value.
  declare name: string;
  declare readonly kind: SpanKind;
  declare readonly parentSpanContext?: SpanContext;
  declare readonly resource: Resource;
  declare readonly instrumentationScope: InstrumentationScope;
  declare attributes: Attributes;
  declare links: Link[];
  declare events: TimedEvent[];
  declare status: SpanStatus;
  declare readonly startTime: HrTime;
  declare endTime: HrTime;
  declare protected readonly _recording: Recording;
  declare protected _attributesCount: number;
  declare protected _droppedAttributesCount: number;
  declare protected _droppedEventsCount: number;
  declare protected _droppedLinksCount: number;
  declare private readonly _spanContext: SpanContext;
  declare private readonly _startGiven: boolean;
  declare private readonly _startedAt: number;
  declare private readonly _performanceStartedAt: number;
  declare private _duration: HrTime;
  declare private _ended: boolean;

  constructor(beginning: SpanBeginning) {
    const { recording, startTime } = beginning;
    this.name = beginning.name;
    this.kind = beginning.kind;
    this.parentSpanContext = beginning.parent as SpanContext;
    this.resource = recording.resource;
    this.instrumentationScope = beginning.scope;
    this.attributes = beginning.attributes;
    this.links = beginning.links;
    this.events = [];
    this.status = { code: SpanStatusCode.UNSET };
    this.endTime = NOT_ENDED;
    this._recording = recording;
    this._attributesCount = 0;
    this._droppedAttributesCount = beginning.dropped;
    this._droppedEventsCount = 0;
    this._droppedLinksCount = 0;
    this._spanContext = beginning.spanContext;
    this._startGiven = startTime != null;
    this._startedAt = Date.now();
    this._performanceStartedAt = performance.now();
    this._duration = NO_DURATION;
    this._ended = false;
    this.startTime = this._time(startTime ?? this._startedAt);
  }

  abstract setAttribute(key: string, value: AttributeValue): this;
  protected abstract _event(name: string, time: TimeInput | undefined, attributes: unknown): TimedEvent;
  protected abstract _link(link: Link): Link;

  spanContext(): SpanContext {
    return this._spanContext;
  }

  isRecording(): boolean {
    return !this._ended;
  }

  get ended(): boolean {
    return this._ended;
  }

  get duration(): HrTime {
    return this._duration;
  }

  get droppedAttributesCount(): number {
    return this._droppedAttributesCount;
  }

  get droppedEventsCount(): number {
    return this._droppedEventsCount;
  }

  get droppedLinksCount(): number {
    return this._droppedLinksCount;
  }

  updateName(name: string): this {
    if (!this._refusesWrites()) this.name = name;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const key in attributes)
      if (Object.hasOwn(attributes, key)) this.setAttribute(key, attributes[key] as AttributeValue);
    return this;
  }

  setStatus(status: SpanStatus): this {
    if (this._refusesWrites()) return this;
    const code = status.code;
    if (code === SpanStatusCode.UNSET || this.status.code === SpanStatusCode.OK) return this;
    const kept: SpanStatus = { code };
    if (code === SpanStatusCode.ERROR) {
      const { message } = status;
      if (typeof message === 'string') kept.message = message;
      else if (message != null)
        diag.warn(`Dropping invalid status.message of type '${typeof message}', expected 'string'`);
    }
    this.status = kept;
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this._refusesWrites()) return this;
    const { eventCountLimit } = this._recording.limits;
    if (eventCountLimit === 0) {
      diag.warn('No events allowed.');
      this._droppedEventsCount++;
      return this;
    }
    if (this.events.length >= eventCountLimit) {
      if (this._droppedEventsCount++ === 0) diag.debug('Dropping extra events.');
      this.events.shift();
    }
    const timed = isTimeInput(attributesOrTime);
    const at = timed && !isTimeInput(time) ? attributesOrTime : time;
    this.events.push(this._event(name, at, timed ? undefined : attributesOrTime));
    return this;
  }

  addLink(link: Link): this {
    if (this._refusesWrites()) return this;
    const { linkCountLimit } = this._recording.limits;
    if (linkCountLimit === 0) {
      this._droppedLinksCount++;
      return this;
    }
    if (this.links.length >= linkCountLimit) {
      if (this._droppedLinksCount++ === 0) diag.debug('Dropping extra links.');
      this.links.shift();
    }
    this.links.push(this._link(link));
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const attributes: Attributes = {};
    if (typeof exception === 'string') attributes[ATTR_EXCEPTION_MESSAGE] = exception;
    else if (exception) {
      if (exception.code) attributes[ATTR_EXCEPTION_TYPE] = exception.code.toString();
      else if (exception.name) attributes[ATTR_EXCEPTION_TYPE] = exception.name;
      if (exception.message) attributes[ATTR_EXCEPTION_MESSAGE] = exception.message;
      if (exception.stack) attributes[ATTR_EXCEPTION_STACKTRACE] = exception.stack;
    }
    if (attributes[ATTR_EXCEPTION_TYPE] || attributes[ATTR_EXCEPTION_MESSAGE])
      this.addEvent('exception', attributes, time);
    else diag.warn(`Failed to record an exception ${exception}`);
  }

  end(time?: TimeInput): void {
    const { traceId, spanId } = this._spanContext;
    if (this._refusesWrites()) {
      diag.error(`${this.name} ${traceId}-${spanId} - You can only call end() on a span once.`);
      return;
    }
    this.endTime = this._time(time);
    this._duration = hrTimeDuration(this.startTime, this.endTime);
    if (this._duration[0] < 0) {
      diag.warn(
        'Inconsistent start and end time, startTime > endTime. Setting span duration to 0ms.',
        this.startTime,
        this.endTime,
      );
      this.endTime = this.startTime.slice() as HrTime;
      this._duration = [0, 0];
    }
    if (this._droppedEventsCount > 0)
      diag.warn(`Dropped ${this._droppedEventsCount} events because eventCountLimit reached`);
    if (this._droppedLinksCount > 0)
      diag.warn(`Dropped ${this._droppedLinksCount} links because linkCountLimit reached`);
    const { processors } = this._recording;
    // By index: the engine does not take the iterators away here.
    for (let at = 0; at < processors.length; at++) {
      const processor = processors[at] as SpanProcessor;
      if (processor.onEnding) processor.onEnding(this);
    }
    this._ended = true;
    for (let at = 0; at < processors.length; at++) (processors[at] as SpanProcessor).onEnd(this);
  }

  /** A number that has not been reached by `performance.now()` counts as milliseconds since 1970. */
  protected _time(input?: TimeInput): HrTime {
    if (typeof input === 'number') {
      if (!(input <= performance.now())) return millisToHrTime(input);
      return hrTime(input + (this._startedAt - (this._performanceStartedAt + performance.timeOrigin)));
    }
    if (input instanceof Date) return millisToHrTime(input.getTime());
    if (isTimeInputHrTime(input)) return input;
    if (this._startGiven) return millisToHrTime(Date.now());
    return addHrTimes(this.startTime, millisToHrTime(performance.now() - this._performanceStartedAt));
  }

  /** Whether the span has ended, which is reported: what is written now is lost. */
  protected _refusesWrites(): boolean {
    if (this._ended) {
      const { traceId, spanId } = this._spanContext;
      const span = `ended Span {traceId: ${traceId}, spanId: ${spanId}}`;
      diag.warn(`Cannot execute the operation on ${span}`, new Error(`Operation attempted on ${span}`));
    }
    return this._ended;
  }

  [INSPECT](depth: number, options?: InspectOptions, inspect?: Inspect): unknown {
    return inspectedSpan(this, depth, options, inspect);
  }
}
