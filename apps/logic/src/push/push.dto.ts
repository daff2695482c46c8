import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBase64, IsBoolean, IsInt, IsString, Max, Min, ValidateNested, IsObject } from 'class-validator';
import {
  AreNames,
  IsList,
  IsName,
  IsOneOf,
  IsOnly,
  IsPushType,
  IsShort,
  IsUnsupported,
  Optional,
} from '../rest/rules.js';

const excludedAtMost = 1_000;
const tenYearsMs = 10 * 365 * 86_400_000;
const notYet = 'is not supported yet';
const withUsersOnly = 'works with a push to users only';

/** Who of a channel's members does not get it. */
export class Exclude {
  @ApiPropertyOptional({ type: [String], example: ['u7'], maxItems: excludedAtMost })
  @Optional()
  @IsList()
  @IsShort(excludedAtMost)
  @AreNames()
  users?: string[];

  @ApiPropertyOptional({ type: [String], example: ['g1~1~2s'], maxItems: excludedAtMost })
  @Optional()
  @IsList()
  @IsShort(excludedAtMost)
  connections?: string[];
}

/** What is pushed; who gets it stands beside it. */
export class Message {
  @ApiPropertyOptional({
    type: 'integer',
    default: 0,
    description: 'What kind of message this is, for the receiver. 1 and 100–199 belong to the protocol.',
  })
  @Optional()
  @IsPushType()
  type?: number;

  @ApiPropertyOptional({
    oneOf: [
      { type: 'object', additionalProperties: true },
      { type: 'array', items: {} },
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
    ],
    nullable: true,
    description: 'Any JSON value. Exactly one of `data`, `text` and `base64` is given.',
  })
  @IsOneOf('data', 'text', 'base64')
  data?: unknown;

  @ApiPropertyOptional({ type: String, description: 'Text: arrives as a string.' })
  @Optional()
  @IsString({ message: 'must be a string' })
  text?: string;

  @ApiPropertyOptional({ type: String, description: 'Bytes: arrive as base64 with `"encoding":"base64"`.' })
  @Optional()
  @IsBase64({}, { message: 'must be base64 (RFC 4648 §4)' })
  base64?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    description: 'Milliseconds after which it is given to nobody any more. Default: never over.',
  })
  @Optional()
  @IsInt({ message: 'must be a whole number of milliseconds' })
  @Min(1, { message: 'must be at least 1' })
  @Max(tenYearsMs, { message: `must be at most ${tenYearsMs}` })
  ttlMs?: number;

  @ApiPropertyOptional({ type: () => Exclude, description: 'Members who do not get it.' })
  @Optional()
  @IsObject({ message: 'must be an object' })
  @ValidateNested()
  exclude?: Exclude;

  @IsUnsupported(notYet)
  match?: never;

  @IsUnsupported(notYet)
  variants?: never;

  @IsUnsupported(notYet)
  speed?: never;

  @IsUnsupported(notYet)
  dryRun?: never;

  @IsUnsupported(notYet)
  ack?: never;

  @IsUnsupported(notYet)
  receipt?: never;

  @IsUnsupported(notYet)
  collapseKey?: never;

  @IsUnsupported(notYet)
  at?: never;

  @IsUnsupported(notYet)
  types?: never;
}

/** A message to channels whose history is kept. */
export class KeptMessage extends Message {
  @ApiPropertyOptional({
    type: Boolean,
    default: true,
    description: '`false` keeps this message out of the history, so that only who is online now gets it.',
  })
  @Optional()
  @IsBoolean({ message: 'must be true or false' })
  retain?: boolean;
}

export class PushToAllBody extends KeptMessage {
  @IsUnsupported(withUsersOnly)
  device?: never;
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
