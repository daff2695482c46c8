import { ApiKeys } from './api-keys.js';

describe('ApiKeys', () => {
  const keys = new ApiKeys(['first', 'second']);

  it.each(['first', 'second'])('knows %s', (key) => expect(keys.knows(key)).toBe(true));

  it.each([undefined, '', 'firs', 'first ', 'third', 'first,second'])('does not know %j', (key) =>
    expect(keys.knows(key)).toBe(false),
  );
});
