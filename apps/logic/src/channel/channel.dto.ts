import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { parsePosition } from '@app/protocol';
import { defaultLimit, IsText, IsWhole, maxLimit } from '../rest/page.dto.js';

export class HistoryQuery {
  @ApiPropertyOptional({
    example: '0:0',
    description:
      'A position `<epoch>:<offset>` as a welcome or an answer of this route told it: only what came after it. Missing: all that is held.',
  })
  @IsText((value) => (parsePosition(value) ? undefined : 'must be <epoch>:<offset>'))
  since?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: maxLimit,
    default: defaultLimit,
    description: 'Of more messages the newest are answered, and `recovered` is `false`.',
  })
  @IsWhole(1, maxLimit)
  limit?: number;
}

export class HistoryMessage {
  @ApiProperty({ example: '01JD9Z3M6W8Q4V5T7X2Y1N0KBC' })
  id!: string;

  @ApiProperty({ type: 'integer', example: 3 })
  type!: number;

  @ApiPropertyOptional({
    description: 'Any JSON; or `text`, or `base64`, as it was pushed.',
    example: { score: [2, 1] },
  })
  data?: unknown;

  @ApiPropertyOptional({ example: 'hello, room' })
  text?: string;

  @ApiPropertyOptional({ format: 'byte', example: 'AAEC' })
  base64?: string;

  @ApiProperty({ type: 'integer', description: 'Its place in the channel; places rise and have gaps.', example: 17 })
  offset!: number;

  @ApiProperty({ format: 'date-time', example: '2026-11-20T09:30:00.000Z' })
  acceptedAt!: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'With `ttlMs`: until when it is delivered.' })
  expiresAt?: string;

  @ApiPropertyOptional({ type: [String], description: 'Only these devices of the user get it.' })
  devices?: string[];
}

export class History {
  @ApiProperty({ example: 'room:live:1000' })
  channel!: string;

  @ApiProperty({ description: 'The life of the bus that the offsets belong to; empty before anything was pushed.' })
  epoch!: string;

  @ApiPropertyOptional({
    description: 'The position of the last message that was kept: the next `since`. Missing before any.',
    example: '0:17',
  })
  position?: string;

  @ApiProperty({
    description: 'Whether nothing after `since` is missing here: trimmed, of another epoch, or over the limit.',
  })
  recovered!: boolean;

  @ApiProperty({ type: [HistoryMessage], description: 'Oldest first; expired ones are left out.' })
  messages!: HistoryMessage[];
}
