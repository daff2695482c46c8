import { labelsOf, type Person } from './audience.js';
import type { Addressees } from './drafts.js';

/** Partitions of Kafka. */
export const shards = 8;

/** How much is kept: more than any run pushes, except where the name says otherwise. */
export const policies = ['user:=50000/6h', 'room:=50000/6h', 'all=50000/6h', 'room:brief-=20/1m', 'room:live-=0'].join(
  ',',
);

/** Whether anything of a channel is kept at all. */
export const isKeptIn = (channel: string): boolean =>
  !channel.startsWith('room:live-') && !channel.startsWith('connection:');

/** Whether more is kept than any run pushes, so that nothing is ever trimmed. */
export const keepsAll = (channel: string): boolean => isKeptIn(channel) && !channel.startsWith('room:brief-');

/** Rooms that REST puts users into to stay, and takes them out of; nobody comes into them by himself. */
export const lastingRooms = ['lasting-0', 'lasting-1', 'lasting-2', 'lasting-3', 'lasting-4', 'lasting-5'] as const;

export const devices = ['phone', 'desk'] as const;

/** Of three clients the first is a user without a device, the second and third are one user with two. */
export function personOf(n: number): Person {
  const place = n % 3;
  const user = `u${place === 2 ? n - 1 : n}`;
  return { user, device: place === 0 ? undefined : devices[place - 1], labels: labelsOf(n) };
}

export function addresseesOf(clients: number): Addressees {
  const many = Math.max(4, Math.round(clients / 10));
  const rooms = [...Array.from({ length: many }, (_, n) => `r${n}`), 'brief-0', 'brief-1', 'live-0', 'live-1'];
  const users = Array.from({ length: clients }, (_, n) => personOf(n).user);
  return { rooms, users: [...new Set([...users, 'nobody'])], devices };
}
