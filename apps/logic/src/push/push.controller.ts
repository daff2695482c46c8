import { applyDecorators, Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ApiAccepted, ApiExamples, ApiProblems, ApiV1 } from '../openapi.js';
import { BodyPipe } from '../rest/body.pipe.js';
import { Caller } from '../rest/caller.js';
import { PushBatchBody, PushResults } from './batch.dto.js';
import { Batch } from './batch.js';
import { IdempotencyKey, replayedHeader } from './idempotency-key.js';
import type { Message } from './message.dto.js';
import { PushDoor } from './push-door.js';
import {
  Accepted,
  PushToAllBody,
  PushToConnectionsBody,
  PushToDevicesBody,
  PushToLabelsBody,
  PushToRoomsBody,
  PushToUsersBody,
  Reach,
} from './push.dto.js';
import type { TargetKind } from './targets.js';

const problems = [
  'invalid_body',
  'unknown_field',
  'bad_name',
  'bad_match',
  'reserved_type',
  'unsupported_option',
  'too_many_targets',
  'payload_too_large',
  'unsupported_media_type',
  'idempotency_conflict',
  'bus_unavailable',
  'idempotency_unavailable',
  'timeout',
] as const;

const replayed = {
  description: '`true`: the key was used before, and this is the first answer; nothing was pushed now.',
  schema: { type: 'string' as const, enum: ['true'] },
};

/** Without an example: a page that fills it in would make all trials one push. */
const ApiIdempotencyKey = (description: string): MethodDecorator =>
  ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: `${description} A string of your own, such as a UUID, for each push; bare or in quotes (RFC 9651).`,
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
  });

const ApiPushed = (): MethodDecorator =>
  applyDecorators(
    ApiIdempotencyKey('The same push again with the same key is not pushed again, but gets the first answer.'),
    ApiAccepted(Accepted, { [replayedHeader]: replayed }),
    ApiOkResponse({ type: Reach, description: 'With `dryRun`: whom it would reach now; nothing was sent.' }),
    ApiProblems(...problems),
  );

@ApiTags('push')
@ApiV1()
@Controller('v1/push')
export class PushController {
  constructor(
    private readonly door: PushDoor,
    private readonly batch: Batch,
  ) {}

  @Post('all')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Push to every connection',
    description:
      'Nobody online is not an error: the message is kept for who comes back with `since=all@…`. With `speed` it goes out that many connections a second, and other channels are not held up.',
  })
  @ApiExamples(PushToAllBody, {
    text: { type: 3, text: 'hello, world' },
    json: { type: 200, data: { title: 'Maintenance at noon', minutes: 10 }, ttlMs: 600_000 },
    variants: { type: 3, text: 'hello', variants: [{ match: 'lang=fr', text: 'bonjour' }], exclude: { users: ['u7'] } },
    paced: { type: 3, text: 'come and see', speed: 1_000 },
    dryRun: { text: 'how many would get this?', match: 'platform=ios & !beta', dryRun: true },
  })
  @ApiPushed()
  pushToAll(
    @Body(BodyPipe) body: PushToAllBody,
    @Caller() caller: Caller,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Accepted | Reach> {
    return this.push('all', body, caller, key, reply);
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
    match: { rooms: ['live:1000'], type: 3, text: 'for phones', match: 'platform=ios | platform=android' },
  })
  @ApiPushed()
  pushToRooms(
    @Body(BodyPipe) body: PushToRoomsBody,
    @Caller() caller: Caller,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Accepted | Reach> {
    return this.push('rooms', body, caller, key, reply);
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
  @ApiPushed()
  pushToUsers(
    @Body(BodyPipe) body: PushToUsersBody,
    @Caller() caller: Caller,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Accepted | Reach> {
    return this.push('users', body, caller, key, reply);
  }

  @Post('devices')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Push to single devices of users',
    description:
      'A device that is offline or unknown is not an error: the message is kept for when it comes back with `since=user@…`. Other devices of the user never get it.',
  })
  @ApiExamples(PushToDevicesBody, {
    text: { targets: [{ user: 'u1', device: 'phone' }], type: 3, text: 'hello, phone' },
    several: {
      targets: [
        { user: 'u1', device: 'phone' },
        { user: 'u1', device: 'watch' },
        { user: 'u2', device: 'tablet' },
      ],
      type: 3,
      data: { badge: 4 },
    },
  })
  @ApiPushed()
  pushToDevices(
    @Body(BodyPipe) body: PushToDevicesBody,
    @Caller() caller: Caller,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Accepted | Reach> {
    return this.push('devices', body, caller, key, reply);
  }

  @Post('connections')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Push to single connections',
    description: 'A connection that is gone, or an id that is none, is not an error: nobody gets it. It is never kept.',
  })
  @ApiExamples(PushToConnectionsBody, { text: { connections: ['g1~1~2s'], type: 3, text: 'hello, connection' } })
  @ApiPushed()
  pushToConnections(
    @Body(BodyPipe) body: PushToConnectionsBody,
    @Caller() caller: Caller,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Accepted | Reach> {
    return this.push('connections', body, caller, key, reply);
  }

  @Post('labels')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Push to connections by their labels',
    description:
      'A push to all for those whose labels match. That nobody matches is not an error: the message is kept for who comes back with `since=all@…` and matches then.',
  })
  @ApiExamples(PushToLabelsBody, {
    text: { match: 'platform=ios & !beta', type: 3, text: 'hello, phones' },
    paced: { match: 'app=shop | app=cinema', type: 3, data: { update: '2.0' }, speed: 500 },
  })
  @ApiPushed()
  pushToLabels(
    @Body(BodyPipe) body: PushToLabelsBody,
    @Caller() caller: Caller,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Accepted | Reach> {
    return this.push('labels', body, caller, key, reply);
  }

  @Post('batch')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Up to 1,000 pushes in one call',
    description:
      'Each push is answered by itself, in order, as its own route would have answered: one that is refused harms no other, and nobody there is no error. Pushes to one channel arrive in the order given.',
  })
  @ApiExamples(PushBatchBody, {
    mixed: {
      pushes: [
        { target: 'users', users: ['u1'], type: 3, text: 'hello, you' },
        { target: 'rooms', rooms: ['live:1000'], type: 3, data: { score: [2, 1] } },
        { target: 'all', type: 3, text: 'hello, world', dryRun: true },
      ],
    },
    keys: {
      pushes: [
        { target: 'users', users: ['u1'], type: 3, text: 'your order 7 is on its way', idempotencyKey: 'order-7-sent' },
        { target: 'users', users: ['u2'], type: 3, text: 'your order 8 is on its way', idempotencyKey: 'order-8-sent' },
      ],
    },
  })
  @ApiIdempotencyKey('Stands for a key of each push that has no `idempotencyKey` of its own, by its place.')
  @ApiOkResponse({ type: PushResults, description: 'What became of each.' })
  @ApiProblems(
    'invalid_body',
    'unknown_field',
    'unsupported_option',
    'too_many_targets',
    'payload_too_large',
    'unsupported_media_type',
  )
  async pushBatch(
    @Body(BodyPipe) body: PushBatchBody,
    @Caller() caller: Caller,
    @IdempotencyKey() key: string | undefined,
  ): Promise<PushResults> {
    return { results: await this.batch.answer(body.pushes, caller, key) };
  }

  private async push(
    kind: TargetKind,
    message: Message,
    caller: Caller,
    key: string | undefined,
    reply: FastifyReply,
  ): Promise<Accepted | Reach> {
    const { status, body, isReplay } = await this.door.one(kind, message, caller, key);
    if (isReplay) reply.header(replayedHeader, 'true');
    void reply.status(status);
    return body;
  }
}
