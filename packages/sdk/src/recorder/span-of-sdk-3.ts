import type { Attributes, AttributeValue, Link, TimeInput } from '@opentelemetry/api';
import { diag } from '@opentelemetry/api';
// Not by name: SDK 2's copy has only some of these, and could not be loaded.
import * as core from '@opentelemetry/core';
import type { SpanLimits, TimedEvent } from '@opentelemetry/sdk-trace';
import { countPlain, cut, isPlain } from './plain-attributes.ts';
import { RecordedSpan, type SpanBeginning } from './recorded-span.ts';
import type { SpanRules } from './span-rules.ts';

const NO_LIMITS = { attributeCountLimit: Infinity, attributeValueLengthLimit: Infinity };

/** A span by the rules of SDK 3: values may be nested, and everything left out is counted. */
class SpanOfSdk3 extends RecordedSpan {
  constructor(beginning: SpanBeginning) {
    super(beginning);
    const { attributes, links } = this;
    const { attributeCountLimit, attributeValueLengthLimit, linkCountLimit } = this._recording.limits;
    this._attributesCount = countPlain(attributes, attributeCountLimit, attributeValueLengthLimit);
    if (this._attributesCount < 0) {
      const cleaned = core.cleanAttributes(attributes, { attributeCountLimit, attributeValueLengthLimit });
      this.attributes = cleaned.attributes ?? {};
      this._attributesCount = Object.keys(this.attributes).length;
      this._droppedAttributesCount += cleaned.droppedAttributesCount ?? 0;
    }
    const surplus = links.length - linkCountLimit;
    if (surplus > 0) {
      this.links = links.slice(surplus, links.length);
      this._droppedLinksCount = surplus;
    }
  }

  override setAttribute(key: string, value: AttributeValue): this {
    if (this._refusesWrites()) return this;
    const { attributes, _attributesCount: currentAttributesCount } = this;
    const { limits } = this._recording;
    const { DROP_LIMIT_REACHED, ADD_NEW, ADD_OVERWRITE_EXISTING } = core.AddAttributeDecision;
    let decision: core.AddAttributeDecision;
    if (isPlain(value) && typeof key === 'string' && key !== '' && limits.attributeValueLengthLimit > 0) {
      decision = Object.hasOwn(attributes, key)
        ? ADD_OVERWRITE_EXISTING
        : currentAttributesCount >= limits.attributeCountLimit
          ? DROP_LIMIT_REACHED
          : ADD_NEW;
      if (decision !== DROP_LIMIT_REACHED) attributes[key] = cut(value, limits.attributeValueLengthLimit);
    } else decision = core.maybeAddAttribute({ key, value, attributes, limits, currentAttributesCount });
    if (decision === ADD_NEW) this._attributesCount++;
    else if (decision === DROP_LIMIT_REACHED && this._droppedAttributesCount++ === 0)
      diag.warn('Dropping extra attributes.');
    return this;
  }

  protected override _event(name: string, time: TimeInput | undefined, attributes: unknown): TimedEvent {
    const { attributePerEventCountLimit: attributeCountLimit, attributeValueLengthLimit } =
      this._recording.limits;
    return {
      name,
      time: this._time(time),
      ...core.cleanSimpleAttributes(attributes as Attributes, {
        attributeCountLimit,
        attributeValueLengthLimit,
      }),
    };
  }

  protected override _link(link: Link): Link {
    return cleanedLink(link, this._recording.limits);
  }
}

function cleanedLink(link: Link, limits: Required<SpanLimits>): Link {
  const { attributePerLinkCountLimit: attributeCountLimit, attributeValueLengthLimit } = limits;
  return {
    context: link.context,
    ...core.cleanAttributes(link.attributes, { attributeCountLimit, attributeValueLengthLimit }),
  };
}

export const SDK_3_RULES: SpanRules = {
  offer(given) {
    if (typeof given !== 'object' || given === null) return { attributes: {}, dropped: 0 };
    // Copied whole, which makes one object of its final size. Each value is read once, as a getter may expect.
    const copy = { ...given } as Attributes;
    return isSound(copy) ? { attributes: copy, dropped: 0 } : sound(copy);
  },
  offerLink: cleanedLink,
  create: (beginning) => new SpanOfSdk3(beginning),
};

/** Whether nothing has to be left out or changed. */
function isSound(copy: Attributes): boolean {
  for (const key in copy) if (key === '' || key === '__proto__' || !isPlain(copy[key])) return false;
  return Object.getOwnPropertySymbols(copy).length === 0;
}

function sound(copy: Attributes): { attributes: Attributes; dropped: number } {
  const attributes: Attributes = {};
  let dropped = 0;
  for (const key in copy) {
    const value = copy[key];
    if (value === undefined) continue;
    if ((isPlain(value) || value === null) && key !== '') attributes[key] = value;
    else {
      const cleaned = core.cleanAttributes({ [key]: value }, NO_LIMITS);
      if (cleaned.droppedAttributesCount) dropped++;
      else attributes[key] = cleaned.attributes?.[key];
    }
  }
  return { attributes, dropped };
}
