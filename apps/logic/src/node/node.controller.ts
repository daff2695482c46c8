import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { ApiProblems, ApiV1 } from '../openapi.js';
import { GatewayNodes, Online } from './node.dto.js';
import { NodeService } from './node.service.js';

@ApiTags('online')
@ApiV1()
@Controller('v1')
export class NodeController {
  constructor(private readonly nodes: NodeService) {}

  @Get('online')
  @ApiOperation({
    summary: 'How many connections, users and rooms there are',
    description:
      'Totals over all gateways, and each gateway. Gateways report about once a second; with no gateway all totals are 0.',
  })
  @ApiOkResponse({ type: Online, description: 'The totals.' })
  @ApiProblems('timeout')
  countOnline(): Promise<Online> {
    return this.nodes.online();
  }

  @Get('nodes')
  @ApiOperation({
    summary: 'Which gateway a client should use now',
    description:
      'Best first: those that serve before those that drain, those of the region asked for, then those with the fewest connections. Without any gateway the list is empty.',
  })
  @ApiQuery({ name: 'region', required: false, description: 'Gateways of this region come first.', example: 'eu' })
  @ApiQuery({ name: 'ip', required: false, description: "The client's address: refused, as it is not supported yet." })
  @ApiOkResponse({ type: GatewayNodes, description: 'The gateways.' })
  @ApiProblems('unsupported_option', 'timeout')
  listNodes(@Query('region') region?: string, @Query('ip') ip?: string): Promise<GatewayNodes> {
    return this.nodes.best({ region, ip });
  }
}
