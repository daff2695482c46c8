/** An ordered stream of messages: `all`, `user:<id>` or `room:<name>`; `connection:<id>` is addressed like one and never retained. */
export type Channel = string;

export const allChannel: Channel = 'all';
export const userChannel = (user: string): Channel => `user:${user}`;
export const roomChannel = (room: string): Channel => `room:${room}`;
/** The name of the room whose channel it is; of no other channel. */
export const roomOfChannel = (channel: Channel): string => channel.slice('room:'.length);
export const connectionChannel = (connectionId: string): Channel => `connection:${connectionId}`;

export type ChannelKind = 'all' | 'user' | 'room' | 'connection';

/** Kind and name of a channel (`all` has an empty name); undefined for what is none. */
export function parseChannel(channel: Channel): { kind: ChannelKind; name: string } | undefined {
  if (channel === allChannel) return { kind: 'all', name: '' };
  const colon = channel.indexOf(':');
  const kind = channel.slice(0, colon);
  const name = channel.slice(colon + 1);
  if (colon < 1 || name === '' || (kind !== 'user' && kind !== 'room' && kind !== 'connection')) return undefined;
  return { kind, name };
}

export const defaultApp = 'default';

/** The channel's key on the bus, in the registry and in history: every key carries the app before it. App ids hold no `/`. */
export const channelKey = (app: string, channel: Channel): string => `${app}/${channel}`;

const appPattern = /^[A-Za-z0-9_-]{1,64}$/;
/** App ids are 1–64 of `[A-Za-z0-9_-]`, so that a key splits at its first `/`. */
export const isAppId = (value: unknown): value is string => typeof value === 'string' && appPattern.test(value);
