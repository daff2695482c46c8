import { isIP } from 'node:net';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsText } from '../rest/page.dto.js';

export class NodesQuery {
  @ApiPropertyOptional({ example: 'eu', description: 'Gateways of this region come first.' })
  @IsText()
  region?: string;

  @ApiPropertyOptional({
    description:
      "The client's address, like `203.0.113.7`: gateways of the region that `REGION_NETWORKS` gives it come first, unless `region` names one. Refused where the setting is missing.",
  })
  @IsText((value) => (isIP(value) === 0 ? 'must be an IPv4 or IPv6 address' : undefined))
  ip?: string;
}

export class NodeLoad {
  @ApiProperty({ example: 'g1' })
  id!: string;

  @ApiProperty({
    enum: ['serving', 'draining'],
    description: '`draining`: it lets its clients go and takes no new ones.',
  })
  state!: 'serving' | 'draining';

  @ApiProperty({ type: 'integer', example: 1200 })
  connections!: number;

  @ApiProperty({ type: 'integer', example: 1100 })
  users!: number;

  @ApiProperty({ type: 'integer', example: 40 })
  rooms!: number;
}

export class Online {
  @ApiProperty({ type: 'integer', description: 'Open connections.', example: 2400 })
  connections!: number;

  @ApiProperty({
    type: 'integer',
    description: 'Users, counted at each gateway: who is connected to two gateways counts twice.',
    example: 2200,
  })
  users!: number;

  @ApiProperty({
    type: 'integer',
    description: 'Rooms with members, counted at each gateway in the same way.',
    example: 80,
  })
  rooms!: number;

  @ApiProperty({ type: [NodeLoad] })
  nodes!: NodeLoad[];
}

export class GatewayNode extends NodeLoad {
  @ApiProperty({ description: 'Where clients connect.', example: 'ws://127.0.0.1:8888/connect' })
  address!: string;

  @ApiProperty({ example: 'eu' })
  region!: string;

  @ApiProperty({ description: 'It holds as many connections as it may: newcomers are answered 503.', example: false })
  full!: boolean;

  @ApiProperty({
    type: 'integer',
    description: 'How long a client should wait before it tries this one: 0 when newcomers are taken now.',
    example: 0,
  })
  retryAfterMs!: number;
}

/** How long a client waits before it tries again: doubling from `minMs` to `maxMs`, half of it random. */
export class BackoffHint {
  @ApiProperty({ type: 'integer', example: 500 })
  minMs!: number;

  @ApiProperty({ type: 'integer', example: 30_000 })
  maxMs!: number;
}

export class GatewayNodes {
  @ApiProperty({ type: [GatewayNode], description: 'Best first.' })
  nodes!: GatewayNode[];

  @ApiProperty({ type: BackoffHint })
  backoff!: BackoffHint;
}
