import { type Attributes, type AttributeValue, diag, type Link, type TimeInput } from '@opentelemetry/api';
import { isAttributeValue } from '@opentelemetry/core';
import type { TimedEvent } from '@opentelemetry/sdk-trace';
import { countPlain, isPlain } from './plain-attributes.ts';
import { RecordedSpan, type SpanBeginning } from './recorded-span.ts';
import type { SpanRules } from './span-rules.ts';

/** A span by the rules of SDK 2: values are plain or lists of one type, and only what exceeds a limit is counted. */
class SpanOfSdk2 extends RecordedSpan {
  constructor(beginning: SpanBeginning) {
    super(beginning);
    const { attributes, links } = this;
    const { attributeCountLimit, attributeValueLengthLimit } = this._recording.limits;
    this._attributesCount = countPlain(attributes, attributeCountLimit, attributeValueLengthLimit);
    const legal = this._attributesCount < 0 ? legalOf(attributes) : undefined;
    if (links.length > 0) {
      this.links = [];
      this.addLinks(links);
    }
    if (legal !== undefined) {
      this.attributes = {};
      this._attributesCount = 0;
      this.setAttributes(legal);
    }
  }

  override setAttribute(key: string, value: AttributeValue): this {
    if (value == null || this._refusesWrites()) return this;
    if (key.length === 0) diag.warn(`Invalid attribute key: ${key}`);
    else if (!isPlain(value) && !isAttributeValue(value))
      diag.warn(`Invalid attribute value set for key: ${key}`);
    else {
      const isNew = !Object.hasOwn(this.attributes, key);
      if (isNew && this._attributesCount >= this._recording.limits.attributeCountLimit)
        this._droppedAttributesCount++;
      else {
        this.attributes[key] = this._cut(value);
        if (isNew) this._attributesCount++;
      }
    }
    return this;
  }

  protected override _event(name: string, time: TimeInput | undefined, given: unknown): TimedEvent {
    const limited = this._limited(given, this._recording.limits.attributePerEventCountLimit);
    const { attributes, droppedAttributesCount } = limited;
    return { name, attributes, time: this._time(time), droppedAttributesCount };
  }

  protected override _link({ context, attributes: given }: Link): Link {
    const limited = this._limited(given, this._recording.limits.attributePerLinkCountLimit);
    const { attributes, kept, droppedAttributesCount } = limited;
    return {
      context,
      ...(kept > 0 && { attributes }),
      ...(droppedAttributesCount > 0 && { droppedAttributesCount }),
    };
  }

  /** Returns the legal ones of the attributes of an event or a link, of which there may be `countLimit`. */
  private _limited(given: unknown, countLimit: number) {
    const legal = legalOf(given);
    const attributes: Attributes = {};
    let kept = 0;
    let droppedAttributesCount = 0;
    for (const [key, value] of Object.entries(legal)) {
      if (kept >= countLimit) droppedAttributesCount++;
      else {
        attributes[key] = this._cut(value as AttributeValue);
        kept++;
      }
    }
    return { attributes, kept, droppedAttributesCount };
  }

  /** Returns the value with strings, and those in lists, no longer than the limit. */
  private _cut(value: AttributeValue): AttributeValue {
    const limit = this._recording.limits.attributeValueLengthLimit;
    if (limit <= 0) {
      diag.warn(`Attribute value limit must be positive, got ${limit}`);
      return value;
    }
    const cut = <T>(item: T) =>
      typeof item === 'string' && !(item.length <= limit) ? item.substring(0, limit) : item;
    return Array.isArray(value) ? (value.map(cut) as AttributeValue) : cut(value);
  }
}

/** Returns a copy of the legal attributes; `null` and `undefined` are legal until a span is given them. */
function legalOf(given: unknown): Attributes {
  const legal: Attributes = {};
  if (typeof given !== 'object' || given === null) return legal;
  for (const key in given) {
    if (!Object.hasOwn(given, key)) continue;
    const value = (given as Attributes)[key];
    if (key === '') diag.warn(`Invalid attribute key: ${key}`);
    else if (isPlain(value) || value == null || isAttributeValue(value))
      legal[key] = Array.isArray(value) ? value.slice() : value;
    else diag.warn(`Invalid attribute value set for key: ${key}`);
  }
  return legal;
}

export const SDK_2_RULES: SpanRules = {
  offer: (given) => ({ attributes: legalOf(given), dropped: 0 }),
  offerLink: ({ context, attributes }) => ({ context, attributes: legalOf(attributes) }),
  create: (beginning) => new SpanOfSdk2(beginning),
};
