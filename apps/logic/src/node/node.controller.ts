import { Controller, Get, Query, UsePipes } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblems, ApiV1 } from '../openapi.js';
import { Caller } from '../rest/caller.js';
import { QueryPipe } from '../rest/query.pipe.js';
import { GatewayNodes, NodesQuery, Online } from './node.dto.js';
import { NodeService } from './node.service.js';

@ApiTags('online')
@ApiV1()
@Controller('v1')
@UsePipes(QueryPipe)
export class NodeController {
  constructor(private readonly nodes: NodeService) {}

  @Get('online')
  @ApiOperation({
    summary: 'How many connections, users and rooms there are',
    description:
      'Totals over all gateways, and each gateway: of all apps as the gateways report them about once a second, or with `X-App-Id` or a key of one app of that app, asked of the gateways now. With no gateway all totals are 0.',
  })
  @ApiOkResponse({ type: Online, description: 'The totals.' })
  @ApiProblems('timeout')
  countOnline(@Caller() { only }: Caller): Promise<Online> {
    return this.nodes.online(only);
  }

  @Get('nodes')
  @ApiOperation({
    summary: 'Which gateway a client should use now',
    description:
      'Best first: those that take newcomers before those that are full, and these before those that drain; then those of the region, then those with the fewest connections. Gateways serve all apps; with `X-App-Id` or a key of one app the numbers are of that app. Without any gateway the list is empty: try again after `backoff`.',
  })
  @ApiOkResponse({ type: GatewayNodes, description: 'The gateways.' })
  @ApiProblems('invalid_query', 'unknown_field', 'unsupported_option', 'timeout')
  listNodes(@Query() query: NodesQuery, @Caller() { only }: Caller): Promise<GatewayNodes> {
    return this.nodes.best(query, only);
  }
}
