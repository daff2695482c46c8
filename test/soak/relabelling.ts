import type { Labels } from './audience.js';
import type { Follower, Visit } from './journal.js';

/**
 * All labels that a client may have had at some moment between the two times: its own, and with `vip` where REST had given
 * it or was about to. A change of unknown fate may hold from its sending to the end of its connection.
 */
export function labelsBetween({ labels, visits }: Follower, fromMs: number, toMs: number): Labels[] {
  const values = new Set<boolean>();
  for (const visit of visits) {
    if (visit.askedAt > toMs || (visit.to ?? Infinity) < fromMs) continue;
    vipsIn(visit, fromMs, toMs, values);
  }
  if (values.size === 0) values.add(false);
  return [...values].map((isVip) => (isVip ? { ...labels, vip: '1' } : labels));
}

function vipsIn({ vips }: Visit, fromMs: number, toMs: number, values: Set<boolean>): void {
  let before = false;
  for (const { sentAt, answeredAt = Infinity, value } of vips) {
    if (answeredAt < fromMs) before = value;
    else if (sentAt <= toMs) values.add(value);
  }
  values.add(before);
}
