import { Controller, Get, Param, Query, UsePipes } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { ApiProblems, ApiV1 } from '../openapi.js';
import { Caller } from '../rest/caller.js';
import { QueryPipe } from '../rest/query.pipe.js';
import { History, HistoryQuery } from './channel.dto.js';
import { ChannelService } from './channel.service.js';

@ApiTags('channels')
@ApiV1()
@Controller('v1/channels')
@UsePipes(QueryPipe)
export class ChannelController {
  constructor(private readonly channels: ChannelService) {}

  @Get(':channel/history')
  @ApiOperation({
    summary: 'What a channel has kept',
    description:
      'Messages that are still held, oldest first, whoever they were meant for: `exclude`, `match` and `variants` of a push are not applied here. A channel that nobody ever pushed to, or that keeps nothing, is not an error: the list is empty.',
  })
  @ApiParam({
    name: 'channel',
    example: 'room:live:1000',
    description: '`all`, `user:<id>` or `room:<name>`, percent-encoded.',
  })
  @ApiOkResponse({ type: History, description: 'What is held.' })
  @ApiProblems('invalid_query', 'unknown_field', 'bad_name', 'unsupported_option', 'timeout')
  getHistory(
    @Param('channel') channel: string,
    @Query() query: HistoryQuery,
    @Caller() caller: Caller,
  ): Promise<History> {
    return this.channels.read(caller.app, channel, query);
  }
}
