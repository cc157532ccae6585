import { withMembers } from '@throughline/core/seam';
import type { Method } from '../wrapping/method.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';

/** A flow producer of BullMQ, as used here. */
export interface BullMQFlowProducer {
  readonly add: Method;
  readonly addBulk: Method;
}

interface FlowNode {
  readonly opts?: object | undefined;
  readonly children?: readonly FlowNode[] | undefined;
}

interface Producer {
  add(flow: FlowNode, ...rest: unknown[]): unknown;
  addBulk(flows: readonly FlowNode[], ...rest: unknown[]): unknown;
}

/**
 * Returns a flow producer whose jobs all carry a context. BullMQ writes none into a job without `opts`.
 *
 * It needs the telemetry of `createTelemetry()`, which makes the spans.
 *
 * @example
 * const flows = traceFlowProducer(new FlowProducer({ connection, telemetry: createTelemetry() }));
 * await flows.add({ name: 'bill', queueName: 'bills', children: [{ name: 'mail', queueName: 'mails' }] });
 */
export function traceFlowProducer<P extends BullMQFlowProducer>(original: P): P {
  // The cast: the structural types name only what we call.
  const producer = original as unknown as Producer;
  return wrapClient(original, {
    add: (flow: FlowNode, ...rest: unknown[]) => producer.add(withOpts(flow), ...rest),
    addBulk: (flows: readonly FlowNode[], ...rest: unknown[]) =>
      producer.addBulk(Array.isArray(flows) ? flows.map(withOpts) : flows, ...rest),
  });
}

/** Returns the flow with opts in every node, and anything else unchanged; BullMQ refuses that. */
function withOpts(node: FlowNode): FlowNode {
  if (typeof node !== 'object' || node === null) return node;
  const { opts = {}, children } = node;
  return withMembers(node, { opts, ...(Array.isArray(children) && { children: children.map(withOpts) }) });
}
