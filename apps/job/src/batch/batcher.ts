import type { Delivery } from '@app/protocol/wires';

/** What is in one batch to a gateway at most. One delivery that is larger goes alone. */
export interface BatchLimits {
  deliveries: number;
  bytes: number;
}

export const batchLimits: BatchLimits = { deliveries: 512, bytes: 512 * 1024 };

/** The front of what waits, as much of it as one batch takes: at least one, and never waiting for more. */
export function nextBatch<T extends { bytes: number }>(
  waiting: readonly T[],
  limits: BatchLimits = batchLimits,
): readonly T[] {
  let bytes = 0;
  let count = 0;
  for (const { bytes: more } of waiting) {
    if (count > 0 && (count === limits.deliveries || bytes + more > limits.bytes)) break;
    bytes += more;
    count += 1;
  }
  return waiting.slice(0, count);
}

/** About what a delivery takes on the wire and in memory. */
export function sizeOf(delivery: Delivery): number {
  let bytes = delivery.body.length + delivery.app.length + 24;
  for (const step of delivery.steps) {
    bytes += step.channel.length + 16;
    for (const device of step.devices) bytes += device.length + 2;
  }
  return bytes;
}
