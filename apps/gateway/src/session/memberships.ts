/** A channel as a session sees it: somewhere it is a member, at a place. */
export interface MemberList {
  readonly members: readonly object[];
}

/**
 * The channels of one session and its place in the member list of each. Nearly every session has `all`, its own channel
 * and one room: those lie inline, and lists are made from the fourth on (two arrays cost 100 bytes a connection).
 */
export class Memberships<C extends MemberList = MemberList> {
  private c0: C | null = null;
  private c1: C | null = null;
  private c2: C | null = null;
  private p0 = 0;
  private p1 = 0;
  private p2 = 0;
  private moreChannels: C[] | null = null;
  private morePlaces: number[] | null = null;

  /** -1 when not a member. */
  placeIn(channel: C): number {
    if (this.c0 === channel) return this.p0;
    if (this.c1 === channel) return this.p1;
    if (this.c2 === channel) return this.p2;
    const i = this.moreChannels?.indexOf(channel) ?? -1;
    return i < 0 ? -1 : this.morePlaces![i]!;
  }

  /** Adds the channel, or moves the place in it. */
  set(channel: C, place: number): void {
    if (this.c0 === channel) this.p0 = place;
    else if (this.c1 === channel) this.p1 = place;
    else if (this.c2 === channel) this.p2 = place;
    else if (!this.moveMore(channel, place)) this.add(channel, place);
  }

  delete(channel: C): void {
    if (this.c0 === channel) this.c0 = null;
    else if (this.c1 === channel) this.c1 = null;
    else if (this.c2 === channel) this.c2 = null;
    else {
      const i = this.moreChannels?.indexOf(channel) ?? -1;
      if (i < 0) return;
      this.moreChannels!.splice(i, 1);
      this.morePlaces!.splice(i, 1);
    }
  }

  /** A copy, so that members may leave while it is walked. */
  list(): C[] {
    const inline = [this.c0, this.c1, this.c2].filter((channel) => channel !== null);
    return this.moreChannels ? [...inline, ...this.moreChannels] : inline;
  }

  private moveMore(channel: C, place: number): boolean {
    const i = this.moreChannels?.indexOf(channel) ?? -1;
    if (i >= 0) this.morePlaces![i] = place;
    return i >= 0;
  }

  private add(channel: C, place: number): void {
    if (this.c0 === null) {
      this.c0 = channel;
      this.p0 = place;
    } else if (this.c1 === null) {
      this.c1 = channel;
      this.p1 = place;
    } else if (this.c2 === null) {
      this.c2 = channel;
      this.p2 = place;
    } else {
      this.moreChannels = grown(this.moreChannels, channel);
      this.morePlaces = grown(this.morePlaces, place);
    }
  }
}

/** A short list has room for what is in it: `push` would make room for 17, 240 bytes for a session in three rooms. */
function grown<T>(list: T[] | null, item: T): T[] {
  if (list === null || list.length < 16) return (list ?? []).concat([item]);
  list.push(item);
  return list;
}
