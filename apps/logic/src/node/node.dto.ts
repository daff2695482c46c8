import { ApiProperty } from '@nestjs/swagger';

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
