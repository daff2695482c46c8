import { allChannel, normalName, roomChannel } from '@app/protocol';
import type { MemberOutcome } from '@app/rpc';
import { isPacketType } from '@app/protocol';
import type { PushService } from '../push/push.service.js';
import type { Caller } from '../rest/caller.js';
import type { RoomService } from '../room/room.service.js';

/** What a form or a query named; empty counts as missing. */
export type Fields = Readonly<Record<string, string | undefined>>;

/** The article's rooms. */
const titles: Readonly<Record<string, string>> = { 0: '健身', 1: '体育', 2: '电影', 3: '音乐' };

const missing = '值为空';
const noRoom = 'not find room';
const noConnection = 'not find conn';

/** The article's four short routes in the article's own sentences. */
export class ArticleService {
  constructor(
    private readonly pushes: PushService,
    private readonly rooms: RoomService,
  ) {}

  async pushAll({ val, tag }: Fields, caller: Caller): Promise<string> {
    if (!val || !tag) return missing;
    const everybody = [{ channel: allChannel, devices: [] }];
    await this.pushes.accept(caller, 'all', everybody, { type: typeOf(tag), text: val });
    return '全部推送任务添加成功';
  }

  async pushRoom({ val, tag, id }: Fields, caller: Caller): Promise<string> {
    if (!val || !tag || !id) return missing;
    const room = normalName(id);
    if (room === undefined) return noRoom;
    const members = [{ channel: roomChannel(room), devices: [] }];
    await this.pushes.accept(caller, 'rooms', members, { type: typeOf(tag), text: val });
    return `[${titleOf(room)}]房间推送任务添加成功`;
  }

  async join({ id, wsId }: Fields, caller: Caller): Promise<string> {
    const change = await this.change('join', id, wsId, caller);
    if (typeof change === 'string') return change;
    if (change.result === 'joined') return `加入[${titleOf(change.room)}]房间成功`;
    return change.result === 'already' ? 'already exists' : noConnection;
  }

  async leave({ id, wsId }: Fields, caller: Caller): Promise<string> {
    const change = await this.change('leave', id, wsId, caller);
    if (typeof change === 'string') return change;
    if (change.result === 'left') return `离开[${titleOf(change.room)}]房间成功`;
    return 'already delete';
  }

  private async change(
    action: 'join' | 'leave',
    id: string | undefined,
    wsId: string | undefined,
    caller: Caller,
  ): Promise<string | { room: string; result: MemberOutcome }> {
    if (!id || !wsId) return missing;
    const room = normalName(id);
    if (room === undefined) return noRoom;
    const [member] = await this.rooms.change(caller.app, room, action, { connections: [wsId] });
    return { room, result: member!.result };
  }
}

const titleOf = (room: string): string => (Object.hasOwn(titles, room) ? titles[room]! : room);

/** As the article reads it: what is no number is 0. */
function typeOf(tag: string): number {
  const type = /^[+-]?\d+$/.test(tag) ? Number(tag) : 0;
  return isPacketType(type) ? type : 0;
}
