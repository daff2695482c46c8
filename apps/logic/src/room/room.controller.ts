import { Body, Controller, Get, HttpCode, Param, Post, Query, UsePipes } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { MemberOutcome } from '@app/rpc';
import { ApiExamples, ApiProblems, ApiV1 } from '../openapi.js';
import { BodyPipe } from '../rest/body.pipe.js';
import { Caller } from '../rest/caller.js';
import { NamePipe } from '../rest/name.pipe.js';
import { PageQuery } from '../rest/page.dto.js';
import { QueryPipe } from '../rest/query.pipe.js';
import { namesOf } from '../rest/rules.js';
import { MembersBody, MembersChanged } from './room.dto.js';
import { RoomMembers, RoomSize, RoomsPage, RoomsQuery, RoomUsers } from './room-list.dto.js';
import { RoomListService } from './room-list.service.js';
import { RoomService } from './room.service.js';

const roomName = new NamePipe('room');

const roomParam = {
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
@UsePipes(BodyPipe, QueryPipe)
export class RoomController {
  constructor(
    private readonly rooms: RoomService,
    private readonly lists: RoomListService,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'Which rooms there are, page by page',
    description:
      'Rooms with at least one member, in order of their names, or with `sort=members` the largest. No such room is not an error: the page is empty. Who comes or goes between two pages may be in the list or not; every other room is in it once.',
  })
  @ApiOkResponse({ type: RoomsPage, description: 'A page.' })
  @ApiProblems('invalid_query', 'unknown_field', 'bad_name', 'bad_cursor', 'unsupported_option', 'timeout')
  listRooms(@Query() query: RoomsQuery, @Caller() caller: Caller): Promise<RoomsPage> {
    return this.lists.rooms(caller.app, query);
  }

  @Get(':room')
  @ApiOperation({
    summary: 'How many are in a room',
    description:
      'Gateways report about once a second; the first member counts at once. A room that is empty or unknown is not an error: it has 0.',
  })
  @ApiParam(roomParam)
  @ApiOkResponse({ type: RoomSize, description: 'Its size.' })
  @ApiProblems('bad_name', 'timeout')
  getRoom(@Param('room', roomName) room: string, @Caller() caller: Caller): Promise<RoomSize> {
    return this.lists.room(caller.app, room);
  }

  @Get(':room/members')
  @ApiOperation({
    summary: 'Who is in a room, page by page',
    description:
      'Gathered from the gateways now. A room that is empty or unknown is not an error: the page is empty. Whoever stays for the whole listing is in it once; those of a gateway that went meanwhile are left out.',
  })
  @ApiParam(roomParam)
  @ApiOkResponse({ type: RoomMembers, description: 'A page.' })
  @ApiProblems('invalid_query', 'unknown_field', 'bad_name', 'bad_cursor', 'timeout')
  listMembers(
    @Param('room', roomName) room: string,
    @Query() query: PageQuery,
    @Caller() caller: Caller,
  ): Promise<RoomMembers> {
    return this.lists.members(caller.app, room, query);
  }

  @Get(':room/users')
  @ApiOperation({
    summary: 'Which users are to stay in a room, page by page',
    description:
      'Those that `POST /v1/rooms/{room}/join` put into it, online or not. A room that nobody is to stay in is not an error: the page is empty. Who is put in or taken out between two pages may be in the list or not; everybody else is in it once.',
  })
  @ApiParam(roomParam)
  @ApiOkResponse({ type: RoomUsers, description: 'A page.' })
  @ApiProblems('invalid_query', 'unknown_field', 'bad_name', 'bad_cursor', 'timeout')
  listRoomUsers(
    @Param('room', roomName) room: string,
    @Query() query: PageQuery,
    @Caller() caller: Caller,
  ): Promise<RoomUsers> {
    return this.lists.users(caller.app, room, query);
  }

  @Post(':room/join')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Put connections or users into a room',
    description:
      '`users` are put in to stay, online or not: the connections that they have now join, and every later one is put back in when it connects, until they leave by REST. `connections` are in as long as they last. Joining again is answered `already`; a connection that is not online `gone`, which is not an error; a user who is to stay in as many rooms as one may be `full`. Clients are told by a frame of type 108. After a `timeout` some may have been changed: asking again finishes it.',
  })
  @ApiParam(roomParam)
  @ApiExamples(MembersBody, examples)
  @ApiOkResponse(answer('joined', 'gone'))
  @ApiProblems(...problems)
  async joinRoom(
    @Param('room', roomName) room: string,
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
      '`users` are taken out for good, with all connections that they have now; `connections` until they connect again, if their users are to stay. Who was not in the room is answered `absent`, a connection that is not online `gone`; neither is an error. Clients are told by a frame of type 109. After a `timeout` some may have been changed: asking again finishes it.',
  })
  @ApiParam(roomParam)
  @ApiExamples(MembersBody, examples)
  @ApiOkResponse(answer('left', 'absent'))
  @ApiProblems(...problems)
  async leaveRoom(
    @Param('room', roomName) room: string,
    @Body() body: MembersBody,
    @Caller() caller: Caller,
  ): Promise<MembersChanged> {
    return { members: await this.rooms.change(caller.app, room, 'leave', membersOf(body)) };
  }
}

const membersOf = ({ connections, users }: MembersBody) => ({ connections, users: users && namesOf(users) });
