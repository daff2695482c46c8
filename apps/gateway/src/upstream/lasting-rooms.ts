import { channelKey, roomChannel, type Channel } from '@app/protocol';
import type { MembershipStore } from '@app/registry';

/** The rooms that REST put users into to stay: read for all newcomers of a tick at once. */
export class LastingRooms {
  private asked: Map<string, number> | undefined;
  private answer: Promise<string[][]> = Promise.resolve([]);

  constructor(private readonly memberships: MembershipStore) {}

  /** As the store has them after this call. @throws when the registry does not answer. */
  async of(app: string, user: string): Promise<Channel[]> {
    const key = channelKey(app, user);
    const asked = (this.asked ??= this.gather());
    const place = asked.get(key) ?? asked.size;
    asked.set(key, place);
    const rooms = await this.answer;
    return rooms[place]!.map(roomChannel);
  }

  /** Names the store: another one since it was emptied. @throws when the registry does not answer. */
  life(): Promise<string> {
    return this.memberships.life();
  }

  private gather(): Map<string, number> {
    const asked = new Map<string, number>();
    this.answer = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.asked = undefined;
      return this.memberships.roomsOf([...asked.keys()]);
    });
    return asked;
  }
}
