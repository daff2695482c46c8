import { Body, Controller, HttpCode, Post, UseGuards, UsePipes } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { allChannel, connectionChannel, roomChannel, userChannel } from '@app/protocol';
import { ApiAccepted, ApiExamples, ApiProblems, ApiV1 } from '../openapi.js';
import { BodyPipe } from '../rest/body.pipe.js';
import { Caller } from '../rest/caller.js';
import { namesOf } from '../rest/rules.js';
import { IdempotencyGuard } from './idempotency.guard.js';
import { Accepted, PushToAllBody, PushToConnectionsBody, PushToRoomsBody, PushToUsersBody } from './push.dto.js';
import { PushService } from './push.service.js';

const problems = [
  'invalid_body',
  'unknown_field',
  'reserved_type',
  'unsupported_option',
  'payload_too_large',
  'unsupported_media_type',
  'bus_unavailable',
] as const;

@ApiTags('push')
@ApiV1()
@Controller('v1/push')
@UsePipes(BodyPipe)
@UseGuards(IdempotencyGuard)
export class PushController {
  constructor(private readonly pushes: PushService) {}

  @Post('all')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Push to every connection',
    description: 'Nobody online is not an error: the message is kept for who comes back with `since=all@…`.',
  })
  @ApiExamples(PushToAllBody, {
    text: { type: 3, text: 'hello, world' },
    json: { type: 200, data: { title: 'Maintenance at noon', minutes: 10 }, ttlMs: 600_000 },
  })
  @ApiAccepted(Accepted)
  @ApiProblems(...problems)
  pushToAll(@Body() body: PushToAllBody, @Caller() caller: Caller): Promise<Accepted> {
    return this.pushes.accept(caller, 'all', [{ channel: allChannel, devices: [] }], body);
  }

  @Post('rooms')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Push to everybody in some rooms',
    description:
      'An empty or unknown room is not an error: the message is kept for who joins with `since`. Who is in several of the rooms gets it once in each.',
  })
  @ApiExamples(PushToRoomsBody, {
    text: { rooms: ['live:1000'], type: 3, text: 'hello, room' },
    json: { rooms: ['live:1000', 'live:1001'], type: 3, data: { score: [2, 1] }, retain: false },
  })
  @ApiAccepted(Accepted)
  @ApiProblems(...problems, 'bad_name', 'too_many_targets')
  pushToRooms(@Body() body: PushToRoomsBody, @Caller() caller: Caller): Promise<Accepted> {
    const targets = namesOf(body.rooms).map((room) => ({ channel: roomChannel(room), devices: [] }));
    return this.pushes.accept(caller, 'rooms', targets, body);
  }

  @Post('users')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Push to some users, on all their connections',
    description:
      'A user who is offline or unknown is not an error: the message is kept for who comes back with `since=user@…`.',
  })
  @ApiExamples(PushToUsersBody, {
    text: { users: ['u1'], type: 3, text: 'hello, you' },
    device: { users: ['u1', 'u2'], device: 'phone', type: 3, data: { badge: 4 } },
  })
  @ApiAccepted(Accepted)
  @ApiProblems(...problems, 'bad_name', 'too_many_targets')
  pushToUsers(@Body() body: PushToUsersBody, @Caller() caller: Caller): Promise<Accepted> {
    const devices = body.device === undefined ? [] : namesOf([body.device]);
    const targets = namesOf(body.users).map((user) => ({ channel: userChannel(user), devices }));
    return this.pushes.accept(caller, 'users', targets, body);
  }

  @Post('connections')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Push to single connections',
    description: 'A connection that is gone, or an id that is none, is not an error: nobody gets it. It is never kept.',
  })
  @ApiExamples(PushToConnectionsBody, { text: { connections: ['g1~1~2s'], type: 3, text: 'hello, connection' } })
  @ApiAccepted(Accepted)
  @ApiProblems(...problems, 'too_many_targets')
  pushToConnections(@Body() body: PushToConnectionsBody, @Caller() caller: Caller): Promise<Accepted> {
    const targets = body.connections.map((id) => ({ channel: connectionChannel(id), devices: [] }));
    return this.pushes.accept(caller, 'connections', targets, body);
  }
}
