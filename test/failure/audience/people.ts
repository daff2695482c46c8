import type { ConnectTo } from '../../support/clients.js';

/** Who is connected, by name: at which gateway, and what they say of themselves. Everybody is in room `r`, bob in `s` too. */
export const people = {
  phone: { user: 'ann', gateway: 0, rooms: ['r'], query: { device: 'phone', labels: 'p:ios,lang:fr' } },
  tab: { user: 'ann', gateway: 0, rooms: ['r'], query: { device: 'tab', labels: 'p:web' } },
  bob: { user: 'bob', gateway: 0, rooms: ['r', 's'], query: { device: 'phone', labels: 'p:ios,beta:1' } },
  guest: { user: undefined, gateway: 0, rooms: ['r'], query: { labels: 'p:web', types: '3' } },
  /** At the gateway that nothing happens to. */
  eve: { user: 'eve', gateway: 1, rooms: ['r'], query: { labels: 'p:ios,lang:fr' } },
} satisfies Record<string, ConnectTo & { user: string | undefined }>;

export type Name = keyof typeof people;
export const names = Object.keys(people) as Name[];
