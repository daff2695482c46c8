import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { MemberOutcome } from '@app/rpc';
import { AreNames, IsList, IsOneOf } from '../rest/rules.js';

/** Whose membership changes: connections or users, not both. */
export class MembersBody {
  @ApiPropertyOptional({ type: [String], example: ['g1~1~2s'], description: '`connectionId`s of welcome frames.' })
  @IsOneOf('connections', 'users')
  @IsList('maybe')
  connections?: string[];

  @ApiPropertyOptional({ type: [String], example: ['u1'], description: 'Users, online or not.' })
  @IsList('maybe')
  @AreNames()
  users?: string[];
}

export class MemberResult {
  @ApiPropertyOptional({ example: 'g1~1~2s', description: 'When `connections` were named.' })
  connection?: string;

  @ApiPropertyOptional({ example: 'u1', description: 'When `users` were named.' })
  user?: string;

  @ApiProperty({
    enum: ['joined', 'already', 'left', 'absent', 'gone', 'full'],
    description:
      '`joined`, `left`: it changed. `already`, `absent`: it was so before. `gone`: a connection that is not online. `full`: in as many rooms as one may be.',
  })
  result!: MemberOutcome;
}

export class MembersChanged {
  @ApiProperty({ type: [MemberResult], description: 'In the order asked.' })
  members!: MemberResult[];
}
