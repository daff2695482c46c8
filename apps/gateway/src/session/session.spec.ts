import { FakeConnection } from './connection.contract.js';
import { Session } from './session.js';

describe('a session', () => {
  it('does what waited for the welcome once, when it is out', async () => {
    const session = new Session(1, new FakeConnection());
    let times = 0;
    session.onLive = () => (times += 1);
    session.goLive();
    expect(session.state).toBe('live');
    expect(times).toBe(0); // not in the middle of the welcome
    await Promise.resolve();
    session.goLive();
    await Promise.resolve();
    expect(times).toBe(1);
  });

  it('does not come back to life', () => {
    const connection = new FakeConnection();
    const session = new Session(1, connection);
    session.state = 'closed';
    session.goLive();
    session.close({ code: 4403, reason: 'x', reconnect: false });
    expect(session.state).toBe('closed');
    expect(connection.ended).toBeUndefined();
  });
});
