import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBase64, IsBoolean, IsInt, IsObject, IsString, Max, Min, ValidateNested } from 'class-validator';
import {
  AreNames,
  IsList,
  IsListOf,
  IsMatch,
  IsOneOf,
  IsPushType,
  IsShort,
  IsUnsupported,
  Optional,
} from '../rest/rules.js';

const excludedAtMost = 1_000;
const variantsAtMost = 10;
const tenYearsMs = 10 * 365 * 86_400_000;
const notYet = 'is not supported yet';

const anyJson = {
  oneOf: [
    { type: 'object', additionalProperties: true },
    { type: 'array', items: {} },
    { type: 'string' },
    { type: 'number' },
    { type: 'boolean' },
  ],
  nullable: true,
  description: 'Any JSON value. Exactly one of `data`, `text` and `base64` is given.',
};

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

/** Another payload for those whose labels match. */
export class Variant {
  @ApiProperty({ type: String, maxLength: 1_024, example: 'lang=fr', description: 'Who gets it: a label expression.' })
  @IsMatch()
  match!: string;

  @ApiPropertyOptional(anyJson)
  @IsOneOf('data', 'text', 'base64')
  data?: unknown;

  @ApiPropertyOptional({ type: String })
  @Optional()
  @IsString({ message: 'must be a string' })
  text?: string;

  @ApiPropertyOptional({ type: String })
  @Optional()
  @IsBase64({}, { message: 'must be base64 (RFC 4648 §4)' })
  base64?: string;
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

  @ApiPropertyOptional(anyJson)
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
    type: () => [Variant],
    minItems: 1,
    maxItems: variantsAtMost,
    description: 'Who matches one of these gets its payload instead; the first that matches counts.',
  })
  @Optional()
  @IsListOf(Variant, variantsAtMost)
  variants?: Variant[];

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

  @ApiPropertyOptional({
    type: Boolean,
    default: false,
    description: '`true`: nothing is sent; the answer is `200` and says how many connections would get it now.',
  })
  @Optional()
  @IsBoolean({ message: 'must be true or false' })
  dryRun?: boolean;

  @IsUnsupported(notYet)
  ack?: never;

  @IsUnsupported(notYet)
  receipt?: never;

  @IsUnsupported(notYet)
  collapseKey?: never;

  @IsUnsupported(notYet)
  at?: never;

  @IsUnsupported('is the wish of a connection, said when it connects or by a 105 frame')
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
