import type { ChannelPolicies } from './channel-policy.js';
import type { Kept } from './history-store.js';

/** What a channel answers for a record that it knows under another offset. */
export const duplicate = -3;

/** As in `Kept`, or {@link duplicate}. */
export type ChannelAnswer = number;

/** How many recent `(id, part)` a channel remembers, whether or not their entries are still held. */
export const heldIds = 64;

/** How long a channel is remembered after its entries are gone, or a quiet channel would claim a gap. */
export const metaLifeMs = (ttlMs: number): number => Math.max(7 * 24 * 3_600_000, 10 * ttlMs);

/** Whether anything is ever kept of this channel. */
export function isKept(policies: ChannelPolicies, channel: string): boolean {
  const { size, ttlMs } = policies.of(channel);
  return size > 0 && ttlMs > 0;
}

/**
 * Puts the channels' answers together. A record that any of its channels knows under another offset is a duplicate:
 * in-order shards mean that the first one was done in all of them before this one was read.
 */
export function keptOf(answers: readonly (readonly ChannelAnswer[])[]): Kept {
  return answers.map((prevs) => (prevs.includes(duplicate) ? 'duplicate' : prevs));
}
