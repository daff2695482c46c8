import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsString, Max, Min } from 'class-validator';
import { AreNames, IsList, IsMatch, IsName, IsOnly, IsUnsupported, Optional } from '../rest/rules.js';
import { AreDevices, type DeviceTarget } from './device-targets.js';
import { KeptMessage, Message } from './message.dto.js';

const withUsersOnly = 'works with a push to users only';
const withChannelsOnly = 'works with a push to all, to rooms or to labels only';
const withAllOnly = 'works with a push to all or to labels only';
const maxSpeed = 10_000_000;

const match = {
  type: String,
  maxLength: 1_024,
  example: 'platform=ios & !beta',
  description:
    'Only connections whose labels match: `k=v` has this value, `k` has it at all, `!` not, `&` and, `|` or, `( )`.',
};
const speed = {
  type: 'integer' as const,
  minimum: 0,
  maximum: maxSpeed,
  default: 0,
  description: 'Connections per second, over all gateways together; 0: at once. Later pushes to all wait behind it.',
};

/** To everybody, or to all of them whose labels match: the pushes that may go at a pace. */
class PacedMessage extends KeptMessage {
  @ApiPropertyOptional(speed)
  @Optional()
  @IsInt({ message: 'must be a whole number of connections per second' })
  @Min(0, { message: 'must be at least 0' })
  @Max(maxSpeed, { message: `must be at most ${maxSpeed}` })
  speed?: number;

  @IsUnsupported(withUsersOnly)
  device?: never;
}

export class PushToAllBody extends PacedMessage {
  @ApiPropertyOptional(match)
  @Optional()
  @IsMatch()
  match?: string;
}

export class PushToLabelsBody extends PacedMessage {
  @ApiProperty(match)
  @IsMatch()
  match!: string;
}

export class PushToRoomsBody extends KeptMessage {
  @ApiProperty({
    type: [String],
    minItems: 1,
    example: ['live:1000'],
    description: 'Names of rooms; each is taken once.',
  })
  @IsList()
  @AreNames()
  rooms!: string[];

  @ApiPropertyOptional(match)
  @Optional()
  @IsMatch()
  match?: string;

  @IsUnsupported(withAllOnly)
  speed?: never;

  @IsUnsupported(withUsersOnly)
  device?: never;
}

export class PushToUsersBody extends KeptMessage {
  @ApiProperty({ type: [String], minItems: 1, example: ['u1', 'u2'], description: 'Ids of users; each is taken once.' })
  @IsList()
  @AreNames()
  users!: string[];

  @ApiPropertyOptional({ type: String, description: 'Only the connection of this device of each user.' })
  @Optional()
  @IsString({ message: 'must be a string' })
  @IsName()
  device?: string;

  @IsUnsupported(withChannelsOnly)
  match?: never;

  @IsUnsupported(withAllOnly)
  speed?: never;
}

/** For the documentation; see {@link AreDevices}. */
class UserDevice implements DeviceTarget {
  @ApiProperty({ example: 'u1', description: 'Id of the user.' })
  user!: string;

  @ApiProperty({ example: 'phone', description: 'The `device` that the connection named.' })
  device!: string;
}

export class PushToDevicesBody extends KeptMessage {
  @ApiProperty({
    type: [UserDevice],
    minItems: 1,
    description: 'Devices of users, at most 100 of one user; each is taken once.',
  })
  @AreDevices()
  targets!: DeviceTarget[];

  @IsUnsupported(withUsersOnly)
  device?: never;

  @IsUnsupported(withChannelsOnly)
  match?: never;

  @IsUnsupported(withAllOnly)
  speed?: never;
}

export class PushToConnectionsBody extends Message {
  @ApiProperty({
    type: [String],
    minItems: 1,
    example: ['g1~1~2s'],
    description: '`connectionId`s as the welcome frame gave them; each is taken once.',
  })
  @IsList()
  connections!: string[];

  @IsOnly(false, 'a push to connections is never kept')
  retain?: false;

  @IsUnsupported(withUsersOnly)
  device?: never;

  @IsUnsupported(withChannelsOnly)
  match?: never;

  @IsUnsupported(withAllOnly)
  speed?: never;
}

/** 202: the bus holds the message. */
export class Accepted {
  @ApiProperty({
    description: 'The message: 26 characters, the same in every frame of it.',
    example: '01JD9Z3M6W8Q4V5T7X2Y1N0KBC',
  })
  id!: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-20T09:30:00.000Z' })
  acceptedAt!: string;

  @ApiPropertyOptional({
    enum: [false],
    description: '`false` when the bus holds it in memory only (BUS=embedded): a crash of the process loses it.',
  })
  durable?: false;
}

/** 200 with `dryRun`: whom it would reach now. */
export class Reach {
  @ApiProperty({ type: 'integer', example: 3, description: 'Connections that would get it, each counted once.' })
  connections!: number;

  @ApiProperty({ type: 'integer', example: 2, description: 'Gateways that hold at least one of them.' })
  nodes!: number;
}
