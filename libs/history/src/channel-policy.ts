import type { Channel } from '@app/protocol';

/** How much of a channel is kept. */
export interface ChannelPolicy {
  /** Messages; 0 keeps none and costs no write. */
  size: number;
  ttlMs: number;
}

/** Policies by the channel's prefix; the longest prefix wins. */
export class ChannelPolicies {
  private readonly byLength: readonly (readonly [string, ChannelPolicy])[];

  constructor(policies: Readonly<Record<string, ChannelPolicy>>) {
    this.byLength = Object.entries(policies).sort(([a], [b]) => b.length - a.length);
  }

  of(channel: Channel): ChannelPolicy {
    if (channel.startsWith('connection:')) return none;
    return this.byLength.find(([prefix]) => channel.startsWith(prefix))?.[1] ?? none;
  }
}

const none: ChannelPolicy = { size: 0, ttlMs: 0 };

export const defaultPolicies = 'user:=100/24h,room:=100/5m,all=100/5m';

/**
 * Reads `user:=100/24h,room:chat:=1000/1h,room:ticker:=0,all=100/5m`: prefix = messages / time kept. What is not named
 * keeps its default.
 * @throws Error whose message completes "CHANNEL_POLICIES …".
 */
export function parsePolicies(text: string): ChannelPolicies {
  const policies: Record<string, ChannelPolicy> = {};
  for (const item of [...defaultPolicies.split(','), ...text.split(',')].map((part) => part.trim())) {
    if (item === '') continue;
    const match = /^(all|(?:user|room):.*)=(\d{1,6})(?:\/(\d{1,9})(ms|s|m|h|d))?$/.exec(item);
    if (!match) throw new Error(`must list prefix=size/time, like "${defaultPolicies}"; "${item}" is not that`);
    const [, prefix, size, time, unit] = match;
    if (Number(size) > 0 && time === undefined)
      throw new Error(`must say how long "${prefix}" is kept, like ${prefix}=${size}/5m`);
    policies[prefix!] = {
      size: Number(size),
      ttlMs: Number(time ?? 0) * unitMs[(unit ?? 'ms') as keyof typeof unitMs],
    };
  }
  return new ChannelPolicies(policies);
}

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
