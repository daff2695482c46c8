import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ConnectionDetails } from '../connection/connection.dto.js';
import { cursorNote, IsText, IsWhole } from '../rest/page.dto.js';
import { AreNames, IsList, IsShort } from '../rest/rules.js';

export const maxUsersAsked = 1_000;
/** Each may carry a hundred rooms and twenty labels. */
export const maxConnectionsPage = 100;

export class UsersPage {
  @ApiProperty({ type: [String], description: 'In order of code points.', example: ['u1', 'u2'] })
  users!: string[];

  @ApiPropertyOptional({ description: cursorNote })
  cursor?: string;
}

export class ConnectionsQuery {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: maxConnectionsPage,
    default: maxConnectionsPage,
    description: 'How many a page has at most.',
  })
  @IsWhole(1, maxConnectionsPage)
  limit?: number;

  @ApiPropertyOptional({ description: 'The `cursor` of the page before. It holds for a day, for this user only.' })
  @IsText()
  cursor?: string;
}

export class UserConnections {
  @ApiProperty({ example: 'u1' })
  user!: string;

  @ApiProperty({ type: [ConnectionDetails], description: 'Gateway by gateway, at each the longest connected first.' })
  connections!: ConnectionDetails[];

  @ApiPropertyOptional({ description: cursorNote })
  cursor?: string;
}

export class UserRooms {
  @ApiProperty({ example: 'u1' })
  user!: string;

  @ApiProperty({ type: [String], description: 'In order of code points.', example: ['live:1000'] })
  rooms!: string[];
}

export class OnlineBody {
  @ApiProperty({ type: [String], minItems: 1, maxItems: maxUsersAsked, example: ['u1', 'u2'] })
  @IsList()
  @AreNames()
  @IsShort(maxUsersAsked)
  users!: string[];
}

export class UsersOnline {
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer', minimum: 0 },
    example: { u1: 2, u2: 0 },
    description: 'Connections of each user; 0 for one who is offline or unknown.',
  })
  online!: Record<string, number>;
}
