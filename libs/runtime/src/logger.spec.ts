import { ReplyError } from 'ioredis';
import { jwtVerify, SignJWT } from 'jose';
import { KafkaJSNumberOfRetriesExceeded } from 'kafkajs';
import { told } from './logger.js';

const secret = 'a-word-that-is-nobody-elses-business';

const caught = async (run: () => unknown): Promise<Error> => {
  try {
    await run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
};

describe('an error in a log line', () => {
  it('says what it is, where it was and why', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { code: 'ECONNREFUSED', port: 6379 });
    const error = new TypeError('it did not work', { cause });
    expect(told(error)).toEqual({
      type: 'TypeError',
      message: 'it did not work',
      stack: error.stack,
      cause: { type: 'Error', message: cause.message, stack: cause.stack, code: 'ECONNREFUSED', port: 6379 },
    });
  });

  it.each<[string, () => unknown]>([
    [
      'ioredis what a command was given',
      () =>
        Object.assign(new ReplyError('WRONGPASS invalid username-password pair'), {
          command: { name: 'auth', args: ['skylark', secret] },
          previousErrors: [{ command: { name: 'set', args: [secret] } }],
        }),
    ],
    [
      'kafkajs what it was made with',
      () =>
        Object.assign(
          new KafkaJSNumberOfRetriesExceeded(new Error('SASL PLAIN authentication failed'), {
            retryCount: 5,
            retryTime: 100,
          }),
          { config: { sasl: { password: secret } }, payload: { messages: [{ value: secret }] } },
        ),
    ],
    [
      'jose the claims of a token',
      async () => {
        const key = Buffer.alloc(32, 1);
        const token = await new SignJWT({ sub: secret, exp: 1 }).setProtectedHeader({ alg: 'HS256' }).sign(key);
        return caught(() => jwtVerify(token, key));
      },
    ],
    ['Node a URL that is none', () => caught(() => new URL(`redis://user:${secret}@:not a port`))],
    [
      'a cause what hangs on it',
      () => new Error('outer', { cause: Object.assign(new Error('inner'), { token: secret }) }),
    ],
    ['what is no error everything', () => ({ password: secret })],
  ])('hides of %s', async (_, make) => {
    const error = await make();
    expect(JSON.stringify(told(error))).not.toContain(secret);
    expect(JSON.stringify(error) + JSON.stringify(Object(error).cause)).toContain(secret); // so it had something to hide
  });
});
