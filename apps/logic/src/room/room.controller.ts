import { Body, Controller, HttpCode, Param, Post, UsePipes } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { MemberOutcome } from '@app/rpc';
import { ApiExamples, ApiProblems, ApiV1 } from '../openapi.js';
import { BodyPipe } from '../rest/body.pipe.js';
import { Caller } from '../rest/caller.js';
import { namesOf } from '../rest/rules.js';
import { RoomNamePipe } from './room-name.pipe.js';
import { MembersBody, MembersChanged } from './room.dto.js';
import { RoomService } from './room.service.js';

const room = {
  name: 'room',
  example: 'live:1000',
  description: 'Its name, percent-encoded. There is nothing to make before: a room is who is in it.',
};
const examples = { connections: { connections: ['g1~1~2s'] }, users: { users: ['u1', 'u2'] } };
/** One of each kind, as connections were asked for. */
const answer = (...results: MemberOutcome[]) => ({
  type: MembersChanged,
  description: 'What became of each.',
  example: { members: results.map((result, i) => ({ connection: `g1~1~${i + 1}s`, result })) },
});
const problems = [
  'invalid_body',
  'unknown_field',
  'bad_name',
  'too_many_targets',
  'unsupported_media_type',
  'timeout',
] as const;

@ApiTags('rooms')
@ApiV1()
@Controller('v1/rooms')
@UsePipes(BodyPipe)
export class RoomController {
  constructor(private readonly rooms: RoomService) {}

  @Post(':room/join')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Put connections or users into a room',
    description:
      'Lasts as long as each connection. With `users`, all connections that they have now join. Who is not online is answered `gone`, which is not an error; joining again is answered `already`. Clients are told by a frame of type 108.',
  })
  @ApiParam(room)
  @ApiExamples(MembersBody, examples)
  @ApiOkResponse(answer('joined', 'gone'))
  @ApiProblems(...problems)
  async joinRoom(
    @Param('room', RoomNamePipe) room: string,
    @Body() body: MembersBody,
    @Caller() caller: Caller,
  ): Promise<MembersChanged> {
    return { members: await this.rooms.change(caller.app, room, 'join', membersOf(body)) };
  }

  @Post(':room/leave')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Take connections or users out of a room',
    description:
      'Who was not in the room is answered `absent`, who is not online `gone`; neither is an error. Clients are told by a frame of type 109.',
  })
  @ApiParam(room)
  @ApiExamples(MembersBody, examples)
  @ApiOkResponse(answer('left', 'absent'))
  @ApiProblems(...problems)
  async leaveRoom(
    @Param('room', RoomNamePipe) room: string,
    @Body() body: MembersBody,
    @Caller() caller: Caller,
  ): Promise<MembersChanged> {
    return { members: await this.rooms.change(caller.app, room, 'leave', membersOf(body)) };
  }
}

const membersOf = ({ connections, users }: MembersBody) => ({ connections, users: users && namesOf(users) });
