import { RouteTable } from './route-table.js';

describe('RouteTable', () => {
  const table = new RouteTable();
  table.add('/v1/rooms/:room/join', ['POST']);
  table.add('/v1/online', ['GET']);
  table.add('/v1/online', ['HEAD']);
  table.add('/docs/*', ['GET']);

  it.each([
    ['/v1/rooms/live:1/join', ['POST']],
    ['/v1/online', ['GET', 'HEAD']],
    ['/docs/swagger-ui.css', ['GET']],
    ['/docs/a/b', ['GET']],
    ['/v1/rooms//join', []],
    ['/v1/rooms/a/b/join', []],
    ['/v1', []],
    ['/', []],
  ])('%s takes %j', (path, methods) => {
    expect(table.methodsOf(path)).toEqual(methods);
  });
});
