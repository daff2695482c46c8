import { ApiPropertyOptional } from '@nestjs/swagger';
import { normalName, badName } from '@app/protocol';
import { rule } from './rules.js';

export const defaultLimit = 100;
export const maxLimit = 1_000;

/** A whole number of a query. */
export const IsWhole = (min: number, max: number): PropertyDecorator =>
  rule('invalid_query', (value) =>
    value === undefined || (Number.isInteger(value) && Number(value) >= min && Number(value) <= max)
      ? undefined
      : `must be a whole number from ${min} to ${max}`,
  );

/** One of a few words. */
export const IsWord = (...words: string[]): PropertyDecorator =>
  rule('invalid_query', (value) =>
    value === undefined || (words as unknown[]).includes(value) ? undefined : `must be ${words.join(' or ')}`,
  );

/** Text of a query that `judge` finds nothing wrong with. */
export const IsText = (judge: (value: string) => string | undefined = () => undefined): PropertyDecorator =>
  rule('invalid_query', (value) => (typeof value === 'string' ? judge(value) : undefined));

/** How names begin; empty for all. */
export const IsPrefix = (): PropertyDecorator =>
  rule('bad_name', (value) =>
    value === undefined || value === '' || normalName(value) !== undefined ? undefined : badName,
  );

/** `limit` and `cursor` of a list. */
export class PageQuery {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: maxLimit,
    default: defaultLimit,
    description: 'How many a page has at most.',
  })
  @IsWhole(1, maxLimit)
  limit?: number;

  @ApiPropertyOptional({
    description: 'The `cursor` of the page before. It holds for a day, for this list and this query only.',
  })
  @IsText()
  cursor?: string;
}

export const cursorNote =
  'Where the next page begins; missing on the last one. A page may hold fewer than `limit`: go on while there is a cursor.';
