import { Body, Controller, Delete, Param, Patch, Query, UsePipes } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { ApiExamples, ApiProblems, ApiV1 } from '../openapi.js';
import { BodyPipe } from '../rest/body.pipe.js';
import { Caller } from '../rest/caller.js';
import { QueryPipe } from '../rest/query.pipe.js';
import { Kicked, KickQuery, LabelsBody, LabelsResult } from './connection.dto.js';
import { ConnectionService } from './connection.service.js';

const idParam = {
  name: 'id',
  example: 'g1~1~2s',
  description: 'The `connectionId` of its welcome frame. One that is gone, or that is none, is answered `gone`.',
};

@ApiTags('connections')
@ApiV1()
@Controller('v1/connections')
@UsePipes(BodyPipe, QueryPipe)
export class ConnectionController {
  constructor(private readonly connections: ConnectionService) {}

  @Delete(':id')
  @ApiOperation({
    summary: 'Close a connection',
    description:
      'The client is closed with 4403 and the reason, and does not come back by itself. A connection that is gone is not an error: it is answered `gone`, and `kicked` is 0.',
  })
  @ApiParam(idParam)
  @ApiOkResponse({ type: Kicked, description: 'What became of it.' })
  @ApiProblems('invalid_query', 'unknown_field', 'timeout')
  kickConnection(@Param('id') id: string, @Query() query: KickQuery, @Caller() caller: Caller): Promise<Kicked> {
    return this.connections.kick(caller.app, id, query.reason);
  }

  @Patch(':id/labels')
  @ApiOperation({
    summary: "Change a connection's labels",
    description:
      'Pushes with `match` see the change at once. All of it is done or, when anything is refused, nothing. A connection that is gone is not an error: it is answered `gone`.',
  })
  @ApiParam(idParam)
  @ApiExamples(LabelsBody, {
    set: { set: { platform: 'ios', beta: '' } },
    unset: { unset: ['beta'] },
    both: { set: { tier: 'gold' }, unset: ['trial'] },
  })
  @ApiOkResponse({ type: LabelsResult, description: 'What became of it.' })
  @ApiProblems('invalid_body', 'unknown_field', 'bad_name', 'too_many_targets', 'unsupported_media_type', 'timeout')
  changeLabels(@Param('id') id: string, @Body() body: LabelsBody, @Caller() caller: Caller): Promise<LabelsResult> {
    return this.connections.relabel(caller.app, id, body);
  }
}
