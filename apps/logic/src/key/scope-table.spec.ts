import { isPublic, scopeOf } from './scope-table.js';

describe('scopes of routes', () => {
  it('are looked up by method and path', () => {
    expect(scopeOf('POST', '/v1/push/all')).toBe('push');
    expect(scopeOf('GET', '/v1/rooms/:room')).toBe('read');
    expect(scopeOf('HEAD', '/v1/rooms/:room')).toBe('read');
    expect(scopeOf('DELETE', '/v1/connections/:id')).toBe('manage');
  });

  it('are the same for any method of the short routes', () => {
    for (const method of ['GET', 'POST', 'QUERY', 'HEAD']) expect(scopeOf(method, '/push/all')).toBe('push');
  });

  it('are unknown for a route that is not in the table', () => {
    expect([scopeOf('PUT', '/v1/push/all'), scopeOf('GET', '/v1/push/all'), scopeOf('GET', '')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it.each(['/', '/health/ready', '/metrics', '/docs', '/docs/static/x.js', '/docs-json', '/console/:file'])(
    'are not asked for at %s',
    (path) => expect(isPublic(path)).toBe(true),
  );

  it.each(['/v1', '/healthy', '/metricsx', '/push/all', '/docs-other', ''])('are asked for at %j', (path) =>
    expect(isPublic(path)).toBe(false),
  );
});
