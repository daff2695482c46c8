import { IsPrefix, IsText, IsWhole, IsWord, PageQuery } from './page.dto.js';
import { readQuery } from './query.pipe.js';

class Wanted extends PageQuery {
  @IsPrefix()
  prefix?: string;

  @IsWord('name', 'members')
  sort?: string;

  @IsText((value) => (value === 'bad' ? 'must not be bad' : undefined))
  text?: string;

  @IsWhole(0, 5)
  few?: number;
}

/** As Fastify gives it: without a prototype. */
const read = (query: object) => readQuery(Wanted, Object.assign(Object.create(null) as object, query));

describe('readQuery', () => {
  it('makes numbers of numbers, and leaves texts alone', async () => {
    expect(await read({})).toEqual({});
    expect(await read({ limit: '10', few: '0', prefix: '12', text: '', sort: 'name', cursor: '7' })).toEqual({
      limit: 10,
      few: 0,
      prefix: '12',
      text: '',
      sort: 'name',
      cursor: '7',
    });
  });

  it.each([
    [{ limit: '0' }, 'invalid_query', '?limit'],
    [{ limit: '1001' }, 'invalid_query', '?limit'],
    [{ limit: '1.0' }, 'invalid_query', '?limit'],
    [{ limit: ' 1' }, 'invalid_query', '?limit'],
    [{ limit: '0x1' }, 'invalid_query', '?limit'],
    [{ limit: '' }, 'invalid_query', '?limit'],
    [{ limit: ['1', '2'] }, 'invalid_query', '?limit'],
    [{ few: '6' }, 'invalid_query', '?few'],
    [{ sort: 'Name' }, 'invalid_query', '?sort'],
    [{ sort: '' }, 'invalid_query', '?sort'],
    [{ text: 'bad' }, 'invalid_query', '?text'],
    [{ prefix: 'a b' }, 'bad_name', '?prefix'],
    [{ prefix: ['a', 'b'] }, 'invalid_query', '?prefix'],
    [{ colour: 'red' }, 'unknown_field', '?colour'],
    [{ constructor: 'x' }, 'unknown_field', '?constructor'],
    [{ toString: 'x' }, 'unknown_field', '?toString'],
  ])('refuses %j', async (query, code, pointer) => {
    await expect(read(query)).rejects.toMatchObject({ code, errors: [{ pointer, detail: expect.any(String) }] });
  });

  it('names every parameter that is wrong, and refuses with what cannot be right before what may not be', async () => {
    await expect(read({ limit: 'x', colour: 'red', prefix: ' ' })).rejects.toMatchObject({
      code: 'invalid_query',
      errors: [{ pointer: '?colour' }, { pointer: '?prefix' }, { pointer: '?limit' }],
    });
  });

  it('cuts the names of strangers, so that an answer never echoes a whole query', async () => {
    const long = 'x'.repeat(5_000);
    await expect(read({ [long]: '' })).rejects.toMatchObject({ errors: [{ pointer: `?${'x'.repeat(64)}` }] });
  });
});
