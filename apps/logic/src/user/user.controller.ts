import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, UsePipes } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Kicked, KickQuery } from '../connection/connection.dto.js';
import { ConnectionService } from '../connection/connection.service.js';
import { ApiExamples, ApiProblems, ApiV1 } from '../openapi.js';
import { BodyPipe } from '../rest/body.pipe.js';
import { Caller } from '../rest/caller.js';
import { NamePipe } from '../rest/name.pipe.js';
import { PageQuery } from '../rest/page.dto.js';
import { QueryPipe } from '../rest/query.pipe.js';
import { namesOf } from '../rest/rules.js';
import { ConnectionsQuery, OnlineBody, UserConnections, UserRooms, UsersOnline, UsersPage } from './user.dto.js';
import { UserService } from './user.service.js';

const userParam = { name: 'user', example: 'u1', description: 'Its name, percent-encoded.' };
const userName = new NamePipe('user');

@ApiTags('users')
@ApiV1()
@Controller('v1/users')
@UsePipes(BodyPipe, QueryPipe)
export class UserController {
  constructor(
    private readonly users: UserService,
    private readonly connections: ConnectionService,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'Who is online, page by page',
    description:
      'Users with at least one connection, in order of their names. Nobody online is not an error: the page is empty. Who comes or goes between two pages may be in the list or not; everybody else is in it once.',
  })
  @ApiOkResponse({ type: UsersPage, description: 'A page.' })
  @ApiProblems('invalid_query', 'unknown_field', 'bad_cursor', 'timeout')
  listUsers(@Query() query: PageQuery, @Caller() caller: Caller): Promise<UsersPage> {
    return this.users.online(caller.app, query);
  }

  @Post('online')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Which of many users are online',
    description:
      'How many connections each has, asked of the gateways that hold them. Who is offline or unknown has 0, which is not an error. A user who is named twice is answered once; names are answered in normal form (NFC).',
  })
  @ApiExamples(OnlineBody, { some: { users: ['u1', 'u2'] } })
  @ApiOkResponse({ type: UsersOnline, description: 'Connections of each.' })
  @ApiProblems('invalid_body', 'unknown_field', 'bad_name', 'too_many_targets', 'unsupported_media_type', 'timeout')
  countUsersOnline(@Body() body: OnlineBody, @Caller() caller: Caller): Promise<UsersOnline> {
    return this.users.count(caller.app, namesOf(body.users));
  }

  @Get(':user')
  @ApiOperation({
    summary: 'The connections of a user',
    description:
      'Where they are, since when, with which device, labels and rooms. A user who is offline or unknown is not an error: the list is empty.',
  })
  @ApiParam(userParam)
  @ApiOkResponse({ type: UserConnections, description: 'A page of them; nearly always the only one.' })
  @ApiProblems('invalid_query', 'unknown_field', 'bad_name', 'bad_cursor', 'timeout')
  getUser(
    @Param('user', userName) user: string,
    @Query() query: ConnectionsQuery,
    @Caller() caller: Caller,
  ): Promise<UserConnections> {
    return this.users.connectionsOf(caller.app, user, query);
  }

  @Get(':user/rooms')
  @ApiOperation({
    summary: 'The rooms that a user is to stay in',
    description:
      'Those that `POST /v1/rooms/{room}/join` put the user into, online or not: every connection of the user comes back into them. A user who is in none or unknown is not an error: the list is empty. Rooms that clients join themselves are shown with their connections.',
  })
  @ApiParam(userParam)
  @ApiOkResponse({ type: UserRooms, description: 'All of them.' })
  @ApiProblems('bad_name', 'timeout')
  listUserRooms(@Param('user', userName) user: string, @Caller() caller: Caller): Promise<UserRooms> {
    return this.users.roomsOf(caller.app, user);
  }

  @Delete(':user/connections')
  @ApiOperation({
    summary: 'Close all connections of a user',
    description:
      'Each is closed with 4403 and the reason, and does not come back by itself. It bars nobody: a user with a valid token may connect again. A user who is offline or unknown is not an error: `kicked` is 0.',
  })
  @ApiParam(userParam)
  @ApiOkResponse({ type: Kicked, description: 'Those that were closed.' })
  @ApiProblems('invalid_query', 'unknown_field', 'bad_name', 'timeout')
  kickUser(
    @Param('user', userName) user: string,
    @Query() query: KickQuery,
    @Caller() caller: Caller,
  ): Promise<Kicked> {
    return this.connections.kickUser(caller.app, user, query.reason);
  }
}
