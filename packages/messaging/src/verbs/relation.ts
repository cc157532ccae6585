import {
  type Context,
  isSpanContextValid,
  type Link,
  propagation,
  type SpanContext,
  trace,
} from '@opentelemetry/api';
import type { Admission } from '@throughline/core/seam';
import type { Relation } from './messaging-options.ts';

/** The place of a process span. */
export interface RelatedContext {
  /** The span starts in this context, and the handler's context is built on it. */
  readonly parent: Context;
  readonly links: Link[];
}

/**
 * Returns whether the span that processes a message is a child of the message's creation context or of what is active
 * around it (`ambient`), and what it links to.
 *
 * @param apart Whether `auto` starts a trace of its own, because the message is old or is delivered repeatedly.
 * @see
 * https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/#message-creation-context-as-parent-of-process-span
 */
export function relate(
  { context, caller: creation, passedOn, restartedFrom, conflicts }: Admission,
  ambient: Context,
  relation: Relation = 'auto',
  apart = false,
): RelatedContext {
  const around = trace.getSpanContext(ambient);
  const inSpan = around !== undefined && isSpanContextValid(around);
  if (creation === undefined) {
    const parent = passedOn ? context : withBaggageOf(context, ambient);
    return { parent, links: linksTo(restartedFrom, conflicts) };
  }
  const continues = relation === 'auto' ? !apart && !inSpan : relation !== 'link';
  const links = linksTo(relation === 'parent' ? undefined : creation, conflicts);
  if (!continues) return { parent: withBaggageOf(context, ambient), links };
  if (inSpan) links.push({ context: around });
  return { parent: context, links };
}

function linksTo(first: SpanContext | undefined, others: readonly SpanContext[]): Link[] {
  // A list that grows takes room for 17.
  if (others.length === 0) return first === undefined ? [] : [{ context: first }];
  const links = others.map((context): Link => ({ context }));
  if (first !== undefined) links.unshift({ context: first });
  return links;
}

/** Returns `ambient` with the message's baggage, if it has any. */
function withBaggageOf(extracted: Context, ambient: Context): Context {
  const baggage = propagation.getBaggage(extracted);
  return baggage === undefined ? ambient : propagation.setBaggage(ambient, baggage);
}
