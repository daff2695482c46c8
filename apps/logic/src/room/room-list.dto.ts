import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { MemberSeen } from '../connection/connection.dto.js';
import { cursorNote, IsPrefix, IsWord, PageQuery } from '../rest/page.dto.js';

export class RoomsQuery extends PageQuery {
  @ApiPropertyOptional({ maxLength: 128, example: 'live:', description: 'Only rooms whose names begin so.' })
  @IsPrefix()
  prefix?: string;

  @ApiPropertyOptional({
    enum: ['name', 'members'],
    default: 'name',
    description: '`members`: the `limit` largest rooms, the largest first; without `prefix` and `cursor`.',
  })
  @IsWord('name', 'members')
  sort?: 'name' | 'members';
}

export class RoomSize {
  @ApiProperty({ example: 'live:1000' })
  room!: string;

  @ApiProperty({ type: 'integer', minimum: 0, description: 'Connections in it, a second or so ago.', example: 1200 })
  members!: number;
}

export class RoomsPage {
  @ApiProperty({ type: [RoomSize], description: 'In order of code points, or of members.' })
  rooms!: RoomSize[];

  @ApiPropertyOptional({ description: cursorNote })
  cursor?: string;
}

export class RoomMembers {
  @ApiProperty({ example: 'live:1000' })
  room!: string;

  @ApiProperty({ type: [MemberSeen], description: 'Gateway by gateway, at each the longest connected first.' })
  members!: MemberSeen[];

  @ApiPropertyOptional({ description: cursorNote })
  cursor?: string;
}

export class RoomUsers {
  @ApiProperty({ example: 'live:1000' })
  room!: string;

  @ApiProperty({ type: [String], description: 'In order of code points.', example: ['u1', 'u2'] })
  users!: string[];

  @ApiPropertyOptional({ description: cursorNote })
  cursor?: string;
}
