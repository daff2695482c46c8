import { normalName } from '@app/protocol';
import type { MemberOutcome } from '@app/rpc';
import { isPacketType } from '@app/protocol';
import type { PushDoor } from '../push/push-door.js';
import { PushToAllBody, PushToRoomsBody } from '../push/push.dto.js';
import type { Caller } from '../rest/caller.js';
import type { RoomService } from '../room/room.service.js';

/** What a form or a query named; empty counts as missing. */
export type Fields = Readonly<Record<string, string | undefined>>;

/** What a push is answered; a replay is what it was answered before, with the same key. */
export interface Sentence {
  text: string;
  isReplay: boolean;
}

/** The article's rooms. */
const titles: Readonly<Record<string, string>> = { 0: '健身', 1: '体育', 2: '电影', 3: '音乐' };

const missing = '值为空';
const noRoom = 'not find room';
const noConnection = 'not find conn';

/** The article's four short routes in the article's own sentences. */
export class ArticleService {
  constructor(
    private readonly pushes: PushDoor,
    private readonly rooms: RoomService,
  ) {}

  async pushAll({ val, tag }: Fields, caller: Caller, key?: string): Promise<Sentence> {
    if (!val || !tag) return { text: missing, isReplay: false };
    const body = Object.assign(new PushToAllBody(), { type: typeOf(tag), text: val });
    const { isReplay } = await this.pushes.one('all', body, caller, key);
    return { text: '全部推送任务添加成功', isReplay };
  }

  async pushRoom({ val, tag, id }: Fields, caller: Caller, key?: string): Promise<Sentence> {
    if (!val || !tag || !id) return { text: missing, isReplay: false };
    const room = normalName(id);
    if (room === undefined) return { text: noRoom, isReplay: false };
    const body = Object.assign(new PushToRoomsBody(), { rooms: [room], type: typeOf(tag), text: val });
    const { isReplay } = await this.pushes.one('rooms', body, caller, key);
    return { text: `[${titleOf(room)}]房间推送任务添加成功`, isReplay };
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
