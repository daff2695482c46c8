import { Body, Controller, Get, HttpCode, Post, Query, UsePipes } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiExamples, ApiProblems, ApiV1 } from '../openapi.js';
import { BodyPipe } from '../rest/body.pipe.js';
import { Caller } from '../rest/caller.js';
import { QueryPipe } from '../rest/query.pipe.js';
import { DeadLetters, DeadLettersQuery, Replay, ReplayBody } from './dead-letter.dto.js';
import { DeadLetterService } from './dead-letter.service.js';

@ApiTags('dead letters')
@ApiV1()
@Controller('v1/dead-letters')
@UsePipes(BodyPipe, QueryPipe)
export class DeadLetterController {
  constructor(private readonly letters: DeadLetterService) {}

  @Get()
  @ApiOperation({
    summary: 'Records that could not be delivered',
    description:
      'What job gave up, with the reason: of all apps, also what cannot be read and so is of none; with `X-App-Id` or a key of one app of that app only. An outage of Redis, Kafka or a network never makes one: records wait then. With Kafka a page may take some seconds.',
  })
  @ApiOkResponse({ type: DeadLetters, description: 'A page.' })
  @ApiProblems('invalid_query', 'unknown_field', 'bad_cursor', 'bus_unavailable')
  listDeadLetters(@Query() query: DeadLettersQuery, @Caller() { only }: Caller): Promise<DeadLetters> {
    return this.letters.list(query, only);
  }

  @Post('replay')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Send dead records again',
    description:
      'Each goes back to its own shard with its own bytes, behind what is there, and is no dead letter any more; one that dies again is a new one. Asking again after a failure is safe: what was sent already is dropped as a repeat. A record whose time to live is over is dropped by job as `expired`.',
  })
  @ApiExamples(ReplayBody, {
    some: { reason: 'failing', since: '2026-11-20T09:30:00Z', limit: 10 },
    look: { dryRun: true },
  })
  @ApiOkResponse({ type: Replay, description: 'What became of each.' })
  @ApiProblems('invalid_body', 'unknown_field', 'bad_cursor', 'unsupported_media_type', 'bus_unavailable')
  replayDeadLetters(@Body() body: ReplayBody, @Caller() { only }: Caller): Promise<Replay> {
    return this.letters.replay(body, only);
  }
}
