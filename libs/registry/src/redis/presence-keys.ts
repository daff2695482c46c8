import { crc32 } from 'node:zlib';

/** Few enough for one HMGET each in a push to ten thousand users, enough to keep each hash's script calls short. */
const buckets = 1_024;

/** Where the registry keeps users and rooms. Keys of users and rooms are `<app>/<name>`. */
export class PresenceKeys {
  constructor(private readonly prefix: string) {}

  /** Hash: user → the lines of its refs. */
  bucketOf(user: string): string {
    return `${this.prefix}u:${crc32(user) % buckets}`;
  }

  /** Sorted set of an app's users, by name. */
  online(app: string): string {
    return `${this.prefix}users:${app}`;
  }

  /** Hash: ref → members. */
  membersOf(room: string): string {
    return `${this.prefix}m:{${room}}`;
  }

  /** Sorted set of an app's rooms, by name. */
  names(app: string): string {
    return `${this.prefix}rooms:${app}`;
  }

  /** Sorted set of an app's rooms, by size. */
  sizes(app: string): string {
    return `${this.prefix}sizes:${app}`;
  }
}

/** The app and the name in a key; apps hold no `/`. */
export function splitKey(key: string): [app: string, name: string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
}
