import { GhostOwnerError } from '@app/history';
import { RedisUnavailableError } from '@app/runtime';
import { mayBeItsOwn } from './blame.js';

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });

describe('mayBeItsOwn', () => {
  it.each([
    'LOADING Redis is loading the dataset in memory',
    "READONLY You can't write against a read only replica.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "OOM command not allowed when used memory > 'maxmemory'. script: 1f, on @user_script:33.",
    "ERR Error running script (call to f_1): @user_script:12: @user_script: 12: -OOM command not allowed when used memory > 'maxmemory'.",
    'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.',
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    'CLUSTERDOWN The cluster is down',
    'MOVED 866 127.0.0.1:7001',
    'ASK 866 127.0.0.1:7001',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'CROSSSLOT Keys in request do not hash to the same slot',
    'NOAUTH Authentication required.',
    "NOPERM User default has no permissions to run the 'evalsha' command",
    "ERR The user executing the script can't run this command or subcommand script: 1f, on @user_script:33. NOPERM",
    'NOREPLICAS Not enough good replicas to write.',
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    'NOSCRIPT No matching script.',
    'UNKILLABLE Sorry the script already executed write commands',
    'EXECABORT Transaction discarded because of previous errors.',
    'ERR max number of clients reached',
    "ERR unknown command 'EVALSHA', with args beginning with:",
    'ERR Error compiling script (new function): user_script:1',
    'SOMETHING new in a later version',
    'GHOST',
  ])('takes for an outage what Redis answers with: %s', (message) => {
    expect(mayBeItsOwn(reply(message))).toBe(false);
  });

  it.each([
    new RedisUnavailableError('history: Redis is not connected'),
    new Error('Command timed out'),
    new Error('Connection is closed.'),
    Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
    new GhostOwnerError('a later owner'),
    'a text',
    undefined,
  ])('takes for an outage: %s', (error) => {
    expect(mayBeItsOwn(error)).toBe(false);
  });

  it.each([
    reply('WRONGTYPE Operation against a key holding the wrong kind of value'),
    reply('WRONGTYPE Operation against a key holding the wrong kind of value script: 1f, on @user_script:33.'),
    reply('ERR user_script:52: data string too short script: 1f, on @user_script:52.'),
    reply('ERR Error running script (call to f_1): @user_script:52: user_script:52: data string too short'),
    reply('ERR value is not an integer or out of range'),
    new TypeError("Cannot read properties of undefined (reading 'length')"),
    new RangeError('The value of "value" is out of range.'),
    new URIError('URI malformed'),
  ])('takes for what may be its own: %s', (error) => {
    expect(mayBeItsOwn(error)).toBe(true);
  });
});
