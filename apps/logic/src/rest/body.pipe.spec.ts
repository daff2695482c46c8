import { PushToRoomsBody, PushToUsersBody } from '../push/push.dto.js';
import { BodyPipe } from './body.pipe.js';

const take = (body: unknown, metatype: new () => object = PushToRoomsBody) =>
  new BodyPipe().transform(body, { type: 'body', metatype });

describe('BodyPipe', () => {
  it('makes a DTO and leaves the payload as it came', async () => {
    const data = JSON.parse('{"__proto__":{"x":1},"constructor":[],"deep":{"then":1}}') as object;
    const dto = (await take({ rooms: ['a'], data, exclude: { users: ['u'] } })) as PushToRoomsBody;
    expect(dto).toBeInstanceOf(PushToRoomsBody);
    expect(dto.data).toBe(data);
    expect(JSON.stringify(dto.data)).toBe('{"__proto__":{"x":1},"constructor":[],"deep":{"then":1}}');
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it.each([
    [{ rooms: ['a'], text: 'x', toString: 1 }, 'unknown_field', '#/toString'],
    [{ rooms: ['a'], text: 'x', constructor: { prototype: {} } }, 'unknown_field', '#/constructor'],
    [JSON.parse('{"rooms":["a"],"text":"x","__proto__":{}}'), 'unknown_field', '#/__proto__'],
    [{ rooms: ['a'], text: 'x', 'a/b~c': 1 }, 'unknown_field', '#/a~1b~0c'],
    [{ rooms: ['a'], text: 'x', exclude: { hasOwnProperty: 1 } }, 'unknown_field', '#/exclude/hasOwnProperty'],
    [{ rooms: ['a', 'b c'], text: 'x' }, 'bad_name', '#/rooms'],
    [{ rooms: ['a'], text: 'x', ack: null }, 'unsupported_option', '#/ack'],
    [{ rooms: ['a'], text: 'x', type: 150 }, 'reserved_type', '#/type'],
  ])('refuses %j', async (body, code, pointer) => {
    await expect(take(body)).rejects.toMatchObject({ code, errors: [{ pointer, detail: expect.any(String) }] });
  });

  it('puts what cannot be right before what may not be', async () => {
    await expect(take({ users: 'u', text: 'x', ack: 1, colour: 1 }, PushToUsersBody)).rejects.toMatchObject({
      code: 'invalid_body',
      errors: expect.arrayContaining([expect.objectContaining({ pointer: '#/colour' })]),
    });
  });

  it.each(['exclude', 'variants'])('refuses %s that is nested without end', async (field) => {
    const deep = JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`) as unknown;
    await expect(take({ rooms: ['a'], text: 'x', [field]: deep })).rejects.toMatchObject({ code: 'invalid_body' });
  });

  it('touches nothing but bodies', async () => {
    expect(await new BodyPipe().transform('x', { type: 'param', metatype: String })).toBe('x');
  });
});
