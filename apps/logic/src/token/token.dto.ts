import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, Max, Min } from 'class-validator';
import { IsName, IsOneOf, Optional, rule } from '../rest/rules.js';
import { isTokenId } from '../session/jwt.authenticator.js';

const IsTokenId = (): PropertyDecorator =>
  rule('invalid_body', (value) =>
    value === undefined || (typeof value === 'string' && isTokenId(value)) ? undefined : 'must be 1–256 characters',
  );

const maxTtlMs = 10 * 366 * 86_400_000;

/** Which tokens are meant: one, or those that a user has. */
export class RevokeBody {
  @ApiPropertyOptional({ example: 'b4c1…', description: 'The `jti` of one token.' })
  @IsOneOf('jti', 'user')
  @IsTokenId()
  jti?: string;

  @ApiPropertyOptional({
    example: 'u1',
    description: 'All tokens of this user that were issued (`iat`) up to now, or that do not say when.',
  })
  @Optional()
  @IsName()
  user?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1_000,
    maximum: maxTtlMs,
    description:
      'For how long it is remembered: until every token that is meant has expired. Default: `REVOKED_TTL_MS`.',
  })
  @Optional()
  @IsInt({ message: 'must be a whole number' })
  @Min(1_000, { message: 'must be at least 1000' })
  @Max(maxTtlMs, { message: `must be at most ${maxTtlMs}` })
  ttlMs?: number;
}

export class Revoked {
  @ApiPropertyOptional({ example: 'b4c1…' })
  jti?: string;

  @ApiPropertyOptional({ example: 'u1' })
  user?: string;

  @ApiProperty({ format: 'date-time', description: 'Remembered until then.' })
  until!: string;
}
