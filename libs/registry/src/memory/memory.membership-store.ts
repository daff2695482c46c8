import type { NamePage, PageWish } from '../census.js';
import { MembershipStore } from '../membership-store.js';
import { byCodePoints, SortedList } from './sorted-list.js';

export class MemoryMembershipStore extends MembershipStore {
  private readonly rooms = new Map<string, Set<string>>();
  private readonly users = new Map<string, SortedList<string>>();

  add(app: string, room: string, users: readonly string[], limit: number): Promise<('joined' | 'already' | 'full')[]> {
    const outcomes = users.map((user) => {
      const rooms = this.rooms.get(`${app}/${user}`) ?? new Set<string>();
      if (rooms.has(room)) return 'already' as const;
      if (rooms.size >= limit) return 'full' as const;
      this.rooms.set(`${app}/${user}`, rooms.add(room));
      const members = this.users.get(`${app}/${room}`) ?? new SortedList<string>(byCodePoints);
      members.add(user);
      this.users.set(`${app}/${room}`, members);
      return 'joined' as const;
    });
    return Promise.resolve(outcomes);
  }

  remove(app: string, room: string, users: readonly string[]): Promise<('left' | 'absent')[]> {
    const outcomes = users.map((user) => {
      const rooms = this.rooms.get(`${app}/${user}`);
      if (!rooms?.delete(room)) return 'absent' as const;
      if (rooms.size === 0) this.rooms.delete(`${app}/${user}`);
      const members = this.users.get(`${app}/${room}`)!;
      members.delete(user);
      if (members.from('', 1).length === 0) this.users.delete(`${app}/${room}`);
      return 'left' as const;
    });
    return Promise.resolve(outcomes);
  }

  has(app: string, room: string, users: readonly string[]): Promise<boolean[]> {
    return Promise.resolve(users.map((user) => this.rooms.get(`${app}/${user}`)?.has(room) ?? false));
  }

  roomsOf(users: readonly string[]): Promise<string[][]> {
    return Promise.resolve(users.map((user) => [...(this.rooms.get(user) ?? [])].sort(byCodePoints)));
  }

  members(app: string, room: string, { after, limit }: Pick<PageWish, 'after' | 'limit'>): Promise<NamePage<string>> {
    // No name holds U+0000: this is the first that may follow `after`.
    const start = after === undefined ? '' : `${after}\0`;
    const found = this.users.get(`${app}/${room}`)?.from(start, limit + 1) ?? [];
    const items = found.slice(0, limit);
    return Promise.resolve({ items, next: found.length > limit ? items.at(-1) : undefined });
  }

  life(): Promise<string> {
    return Promise.resolve('the only one');
  }
}
