import { hashedKey } from '../key/api-key.js';
import { callerOf as callerOfRequest } from './caller.js';

const callerOf = (headers: Record<string, string>, key?: string) =>
  callerOfRequest({ headers, apiKey: key === undefined ? undefined : hashedKey(`sha256:${'0'.repeat(64)} ${key}`) });

const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('callerOf', () => {
  it('reads app and trace', () => {
    expect(callerOf({ 'x-app-id': 'shop', traceparent: trace })).toEqual({
      app: 'shop',
      only: 'shop',
      traceparent: trace,
    });
    expect(callerOf({})).toEqual({ app: 'default', traceparent: '' });
  });

  it('takes the app of the key where none is named', () => {
    expect(callerOf({}, 'app=shop')).toMatchObject({ app: 'shop', only: 'shop', key: { name: '00000000' } });
    expect(callerOf({}, 'name=all')).toEqual(expect.not.objectContaining({ only: expect.anything() }));
    expect(callerOf({ 'x-app-id': 'shop' }, '')).toMatchObject({ app: 'shop', only: 'shop' });
  });

  it.each(['', 'x', trace.toUpperCase(), `${trace}-more`, `ff${trace.slice(2)}`, trace.replace(/[1-9a-f]/g, '0')])(
    'starts no trace from %j',
    (traceparent) => {
      expect(callerOf({ traceparent }).traceparent).toBe('');
    },
  );

  it.each(['a/b', '', 'x'.repeat(65), 'é'])('refuses the app %j', (app) => {
    expect(() => callerOf({ 'x-app-id': app })).toThrow(expect.objectContaining({ code: 'bad_name' }));
  });
});
