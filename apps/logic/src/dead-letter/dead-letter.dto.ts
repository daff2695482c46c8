import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsInt, IsString, Max, Min } from 'class-validator';
import { cursorNote, defaultLimit, IsText, maxLimit, PageQuery } from '../rest/page.dto.js';
import { Optional, rule } from '../rest/rules.js';

const wrongTime = (value: unknown): string | undefined =>
  typeof value === 'string' &&
  /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value) &&
  !Number.isNaN(Date.parse(value))
    ? undefined
    : 'must be a time like 2026-11-20T09:30:00Z';

const reason = {
  example: 'failing',
  description: '`undecodable`: no record that this version reads; `failing`: it failed alone, again and again.',
};
const since = {
  format: 'date-time',
  example: '2026-11-20T09:30:00Z',
  description: 'Only what died then or later.',
};

export class DeadLettersQuery extends PageQuery {
  @ApiPropertyOptional({ ...reason, description: `Only these. ${reason.description}` })
  @IsText()
  reason?: string;

  @ApiPropertyOptional(since)
  @IsText(wrongTime)
  since?: string;
}

export class ReplayBody {
  @ApiPropertyOptional({ ...reason, description: `Only these. ${reason.description}` })
  @Optional()
  @IsString({ message: 'must be a string' })
  reason?: string;

  @ApiPropertyOptional(since)
  @Optional()
  @rule('invalid_body', wrongTime)
  since?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: maxLimit,
    default: defaultLimit,
    description: 'How many are looked at in one call.',
  })
  @Optional()
  @IsInt({ message: 'must be a whole number' })
  @Min(1, { message: 'must be at least 1' })
  @Max(maxLimit, { message: `must be at most ${maxLimit}` })
  limit?: number;

  @ApiPropertyOptional({
    description:
      'The `cursor` of the answer before, to go on behind what was looked at. What dies again meanwhile is not looked at again.',
  })
  @Optional()
  @IsString({ message: 'must be a string' })
  cursor?: string;

  @ApiPropertyOptional({ default: false, description: 'Only says what would be done.' })
  @Optional()
  @IsBoolean({ message: 'must be true or false' })
  dryRun?: boolean;
}

export class DeadLetterSource {
  @ApiProperty({ example: 'skylark.records', description: 'The topic, or `embedded`.' })
  topic!: string;

  @ApiProperty({ description: 'The life of the bus that the offset belongs to.' })
  epoch!: string;

  @ApiProperty({ type: 'integer', example: 3 })
  shard!: number;

  @ApiProperty({ type: 'integer', example: 4711 })
  offset!: number;
}

export class DeadLetterSeen {
  @ApiProperty({ description: 'Where the record stood when it was given up.' })
  source!: DeadLetterSource;

  @ApiProperty(reason)
  reason!: string;

  @ApiProperty({ example: 'ReplyError: WRONGTYPE Operation against a key holding the wrong kind of value' })
  error!: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-20T09:30:00.000Z' })
  diedAt!: string;

  @ApiProperty({ example: 'job-7f9c/1', description: 'Which process gave it up.' })
  job!: string;

  @ApiProperty({ example: 'default/room:live:1000', description: 'Its key on the bus.' })
  key!: string;

  @ApiProperty({ type: 'integer', example: 312, description: 'Of the record.' })
  bytes!: number;

  @ApiPropertyOptional({
    example: '01JD9Z3M6W8Q4V5T7X2Y1N0KBC',
    description: 'Missing when the record cannot be read.',
  })
  messageId?: string;

  @ApiPropertyOptional({ example: 'default', description: 'Missing when the record cannot be read.' })
  app?: string;

  @ApiPropertyOptional({ type: [String], description: 'The first 100 channels it was for.' })
  channels?: string[];
}

export class DeadLetters {
  @ApiProperty({ type: [DeadLetterSeen], description: 'Oldest first; those that were sent again are left out.' })
  deadLetters!: DeadLetterSeen[];

  @ApiPropertyOptional({ description: cursorNote })
  cursor?: string;
}

export class ReplayedLetter extends DeadLetterSeen {
  @ApiProperty({ enum: ['replayed', 'would_replay', 'refused'], description: '`would_replay`: with `dryRun`.' })
  outcome!: 'replayed' | 'would_replay' | 'refused';

  @ApiPropertyOptional({ description: 'Why it was refused; it stays among the dead letters.' })
  why?: string;
}

export class Replay {
  @ApiProperty({ type: 'integer', minimum: 0 })
  replayed!: number;

  @ApiProperty({ type: 'integer', minimum: 0 })
  refused!: number;

  @ApiProperty({ type: [ReplayedLetter], description: 'What was looked at, oldest first.' })
  deadLetters!: ReplayedLetter[];

  @ApiPropertyOptional({
    description: 'There may be more: the next call takes it. Missing when all that had died was looked at.',
  })
  cursor?: string;
}
