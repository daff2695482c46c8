import { ConfigError, readConfig } from '@app/runtime';
import { kafkaConfig } from './kafka.config.js';

const far = { KAFKA_BROKERS: '127.0.0.1:9092,kafka.example.com:9093' };
const who = { KAFKA_USERNAME: 'skylark', KAFKA_PASSWORD: 'not to be seen' };

const doorOf = (env: Record<string, string>) => readConfig(env, kafkaConfig).door;
const problemsOf = (env: Record<string, string>): readonly string[] => {
  try {
    doorOf(env);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
};

describe('the settings of Kafka', () => {
  it('speak in the clear to a Kafka that asks for nobody, unless told otherwise', () => {
    expect(doorOf({})).toEqual({ isNear: true });
    expect(doorOf(far)).toEqual({ isNear: false });
  });

  it('know TLS by the authorities of everybody, and prove a user by SCRAM-SHA-512', () => {
    const user = { username: 'skylark', password: 'not to be seen', mechanism: 'SCRAM-SHA-512' };
    expect(doorOf({ ...far, ...who, KAFKA_TLS: '1' })).toEqual({ isNear: false, tls: 'known', user });
  });

  it.each([
    ['PLAIN by TLS', { ...far, ...who, KAFKA_SASL_MECHANISM: 'PLAIN', KAFKA_TLS: '1' }],
    ['PLAIN on this machine', { ...who, KAFKA_SASL_MECHANISM: 'PLAIN', KAFKA_BROKERS: 'localhost:1,[::1]:1' }],
    ['SCRAM in the clear', { ...far, ...who }],
  ])('take %s', (_, env) => {
    expect(problemsOf(env)).toEqual([]);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['PLAIN in the clear', { ...far, ...who, KAFKA_SASL_MECHANISM: 'PLAIN' }, /PLAIN shows the password.*KAFKA_TLS=1/],
    ['a user without a password', { KAFKA_USERNAME: 'skylark' }, /KAFKA_USERNAME and KAFKA_PASSWORD belong together/],
    ['a password without a user', { KAFKA_PASSWORD: 'not to be seen' }, /KAFKA_USERNAME and KAFKA_PASSWORD belong/],
    ['a mechanism without a user', { KAFKA_SASL_MECHANISM: 'PLAIN' }, /KAFKA_SASL_MECHANISM needs KAFKA_USERNAME/],
    ['another mechanism', { ...who, KAFKA_SASL_MECHANISM: 'GSSAPI' }, /KAFKA_SASL_MECHANISM must be one of PLAIN,/],
    ['a certificate without its key', { KAFKA_TLS_CERT: 'a.pem' }, /KAFKA_TLS_CERT and KAFKA_TLS_KEY belong together/],
    [
      'files that are not there',
      { KAFKA_TLS_CA: '/no/ca.pem' },
      /KAFKA_TLS_CA.*\/no\/ca\.pem cannot be read \(ENOENT\)/,
    ],
    ['files, and no TLS', { KAFKA_TLS: '0', KAFKA_TLS_CA: 'package.json' }, /KAFKA_TLS=0 does not go with/],
  ])('refuse %s, and say what to do', (_, env, sentence) => {
    const problems = problemsOf(env);
    expect(problems.join('\n')).toMatch(sentence);
    expect(problems.join('\n')).not.toContain('not to be seen');
  });
});
