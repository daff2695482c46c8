import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { badName, Limits, normalName } from '@app/protocol';
import { IsText } from '../rest/page.dto.js';
import { IsList, IsShort, rule } from '../rest/rules.js';

/** A member of a room. */
export class MemberSeen {
  @ApiProperty({ description: 'Its `connectionId`.', example: 'g1~1~2s' })
  connection!: string;

  @ApiPropertyOptional({ description: 'Missing for an anonymous connection.', example: 'u1' })
  user?: string;

  @ApiPropertyOptional({ example: 'phone' })
  device?: string;

  @ApiProperty({ description: 'The gateway that holds it.', example: 'g1' })
  node!: string;

  @ApiProperty({ format: 'date-time', description: 'To the second.', example: '2026-11-20T09:30:00.000Z' })
  connectedAt!: string;

  @ApiPropertyOptional({ description: 'Only with `SHOW_REMOTE_ADDRESS=1`.', example: '203.0.113.7' })
  remoteAddress?: string;
}

/** A connection of a user. */
export class ConnectionDetails extends MemberSeen {
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { platform: 'ios' },
    description: 'What it says of itself.',
  })
  labels!: Record<string, string>;

  @ApiProperty({ type: [String], description: 'The rooms it is in.', example: ['live:1000'] })
  rooms!: string[];
}

const maxReasonBytes = 123;

export class KickQuery {
  @ApiPropertyOptional({
    maxLength: maxReasonBytes,
    example: 'logged in elsewhere',
    description: `What the client is told: up to ${maxReasonBytes} bytes of UTF-8, no control characters; \`kicked\` when it is missing.`,
  })
  @IsText((reason) => {
    if (Buffer.byteLength(reason) > maxReasonBytes) return `must have at most ${maxReasonBytes} bytes of UTF-8`;
    return /\p{Cc}/u.test(reason) ? 'must hold no control characters' : undefined;
  })
  reason?: string;
}

export class KickResult {
  @ApiProperty({ example: 'g1~1~2s' })
  connection!: string;

  @ApiProperty({ enum: ['kicked', 'gone'], description: '`gone`: there was no such connection.' })
  result!: 'kicked' | 'gone';
}

export class Kicked {
  @ApiProperty({ type: 'integer', description: 'How many were closed.', example: 1 })
  kicked!: number;

  @ApiProperty({ type: [KickResult], description: 'What became of each.' })
  connections!: KickResult[];
}

const labelName = (value: unknown): boolean => {
  const name = normalName(value);
  return name !== undefined && !name.includes(':');
};

/** Names of labels and their values. */
const AreLabels = (): PropertyDecorator => {
  const isObject = rule('invalid_body', (value) => {
    if (value === undefined) return undefined;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object of strings';
    return Object.values(value).every((item) => typeof item === 'string') ? undefined : 'must hold strings only';
  });
  const areNames = rule('bad_name', (value) => {
    if (typeof value !== 'object' || value === null) return undefined;
    for (const [name, text] of Object.entries(value) as [string, unknown][]) {
      if (!labelName(name)) return `${badName}; labels hold no colon`;
      if (typeof text === 'string' && text !== '' && normalName(text) === undefined)
        return `a value is empty or like a name: ${badName}`;
    }
    return undefined;
  });
  const areFew = rule('too_many_targets', (value) =>
    typeof value === 'object' && value !== null && Object.keys(value).length > Limits.labelsPerConnection
      ? `a connection has at most ${Limits.labelsPerConnection} labels`
      : undefined,
  );
  return (target, property) => {
    for (const decorate of [isObject, areNames, areFew]) decorate(target, property);
  };
};

const AreLabelNames = (): PropertyDecorator =>
  rule('bad_name', (value) =>
    !Array.isArray(value) || value.every(labelName) ? undefined : `${badName}; labels hold no colon`,
  );

/** At least one of the two. */
const IsSetOrUnset = (): PropertyDecorator =>
  rule('invalid_body', (_value, { object }) => {
    const { set, unset } = object as LabelsBody;
    return set === undefined && unset === undefined ? 'set or unset must be given' : undefined;
  });

export class LabelsBody {
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    maxProperties: Limits.labelsPerConnection,
    example: { platform: 'ios', beta: '' },
    description: 'Labels and their values; `""` for a label without one. Others stay.',
  })
  @IsSetOrUnset()
  @AreLabels()
  set?: Record<string, string>;

  @ApiPropertyOptional({
    type: [String],
    maxItems: 100,
    example: ['trial'],
    description: 'Labels to take away, before `set` is done. One that was not there is no error.',
  })
  @IsList('maybe')
  @AreLabelNames()
  @IsShort(100)
  unset?: string[];
}

export class LabelsResult {
  @ApiProperty({ example: 'g1~1~2s' })
  connection!: string;

  @ApiProperty({ enum: ['changed', 'gone'], description: '`gone`: there is no such connection.' })
  result!: 'changed' | 'gone';

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { platform: 'ios', beta: '' },
    description: 'All that it has now; missing when it is gone.',
  })
  labels?: Record<string, string>;
}
