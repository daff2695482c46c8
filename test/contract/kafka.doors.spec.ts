import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { Metrics, silentLog, TlsFiles, type Log } from '@app/runtime';
import type { ISocketFactory } from 'kafkajs';
import { Taking, record } from '../../libs/bus/src/bus.contract.js';
import type { KafkaDoor } from '../../libs/bus/src/kafka.config.js';
import { KafkaBus } from '../../libs/bus/src/kafka/kafka.bus.js';
import { KafkaDeadLetterLog } from '../../libs/bus/src/kafka/kafka.dead-letter-log.js';
import type { KafkaBusOptions } from '../../libs/bus/src/kafka/kafka.options.js';
import { Authority, type Certificate } from '../support/certificates.js';
import { allowSkylark, kafkaUser, startKafkaWithDoors } from '../support/kafka-doors.js';
import type { KafkaServer } from '../support/kafka-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

const isHere = spawnSync('java', ['-version']).status === 0;

/** The passwords, and what SCRAM lets one try them with. */
const secrets = new RegExp(`${kafkaUser.password}|wrong one|authBytes`);

/** A log, and all that it was told, as text. */
function listening(): { log: Log; said: string[] } {
  const said: string[] = [];
  const hear = (fields: object, sentence: string) => {
    const shown = Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? value.stack : value]);
    said.push(`${sentence} ${JSON.stringify(Object.fromEntries(shown))}`);
  };
  const levels = { debug: hear, info: hear, warn: hear, error: hear, isLevelEnabled: () => true };
  return { log: Object.assign(Object.create(silentLog) as Log, levels), said };
}

(isHere ? describe : describe.skip)('Kafka behind its locks', () => {
  let authority: Authority;
  let stranger: Authority;
  let server: KafkaServer;
  let known: Certificate;
  const closing: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    [authority, stranger] = await Promise.all([Authority.create(), Authority.create()]);
    server = await startKafkaWithDoors(authority);
    known = await authority.issue();
    await allowSkylark(server, 'doors.');
  });
  afterEach(() => Promise.all(closing.splice(0).map((one) => one.close())));
  afterAll(async () => {
    await server?.stop();
    await Promise.all([authority?.[Symbol.asyncDispose](), stranger?.[Symbol.asyncDispose]()]);
  });

  const ca = () => new TlsFiles({ ca: authority.ca });
  const user = (mechanism: NonNullable<KafkaDoor['user']>['mechanism'], password = kafkaUser.password) => ({
    mechanism,
    username: kafkaUser.username,
    password,
  });
  const optionsOf = (name: string, door: KafkaDoor, log: Log = silentLog): KafkaBusOptions => ({
    brokers: [server.doors[name]!],
    door,
    topicPrefix: `doors.${randomBytes(4).toString('hex')}.`,
    shards: 2,
    clientId: 'skylark-test',
    log,
    metrics: new Metrics(),
    heartbeatMs: 100,
    watchMs: 200,
  });
  const keep = <T extends { close(): Promise<void> }>(one: T): T => (closing.push(one), one);

  it.each<[string, string, () => KafkaDoor]>([
    ['PLAIN over TLS', 'plain', () => ({ tls: ca(), user: user('PLAIN') })],
    ['SCRAM-SHA-256 over TLS', 'scram', () => ({ tls: ca(), user: user('SCRAM-SHA-256') })],
    ['SCRAM-SHA-512 over TLS', 'scram', () => ({ tls: ca(), user: user('SCRAM-SHA-512') })],
    ['certificates of both ends', 'mutual', () => ({ tls: new TlsFiles(known) })],
    ['SCRAM-SHA-512 on loopback', 'clear', () => ({ user: user('SCRAM-SHA-512') })],
  ])('carries records and dead letters by %s, for a user who may do no more', async (_, name, door) => {
    const { log, said } = listening();
    const options = optionsOf(name, door(), log);
    const bus = keep(new KafkaBus(options));
    await bus.open();
    const taking = new Taking();
    await bus.consume(taking);
    await bus.publish([record(1, 'hello')]);
    await taking.when(() => taking.values(1).length === 1);
    expect(await bus.problem()).toBeUndefined();

    const letters = keep(new KafkaDeadLetterLog(options));
    await letters.put({
      source: { epoch: bus.life, shard: 1, offset: 0 },
      reason: 'failing',
      error: 'as a test says',
      diedAtMs: 1,
      job: 'job',
      key: Buffer.from('k'),
      value: Buffer.from('hello'),
    });
    expect((await letters.list({ limit: 10 })).letters).toHaveLength(1);
    expect(said.join('\n')).not.toMatch(secrets);
  });

  it.each<[string, string, () => KafkaDoor, RegExp]>([
    [
      'a wrong password by PLAIN',
      'plain',
      () => ({ tls: ca(), user: user('PLAIN', 'wrong one') }),
      /Invalid.*KAFKA_PASSW/,
    ],
    [
      'a wrong password by SCRAM',
      'scram',
      () => ({ tls: ca(), user: user('SCRAM-SHA-512', 'wrong one') }),
      /invalid.*KAFKA_PASSW/,
    ],
    [
      'a mechanism that it does not take',
      'plain',
      () => ({ tls: ca(), user: user('SCRAM-SHA-512') }),
      /not support.*KAFKA_SASL_MECHANISM/,
    ],
    ['no user', 'scram', () => ({ tls: ca() }), /Closed.*KAFKA_USERNAME/],
    [
      'a user where none is asked for',
      'mutual',
      () => ({ tls: new TlsFiles(known), user: user('PLAIN') }),
      /SASL state.*no user/,
    ],
    [
      'an authority that is not ours',
      'plain',
      () => ({ tls: new TlsFiles({ ca: stranger.ca }), user: user('PLAIN') }),
      /certificate.*KAFKA_TLS_CA/,
    ],
    [
      'an authority that only we know',
      'plain',
      () => ({ tls: 'known', user: user('PLAIN') }),
      /certificate.*KAFKA_TLS_CA/,
    ],
    ['no certificate of ours', 'mutual', () => ({ tls: ca() }), /: .{0,60}bad certificate.*KAFKA_TLS_CERT/],
    ['clear text', 'scram', () => ({ user: user('SCRAM-SHA-512') }), /Closed.*KAFKA_TLS/],
    ['TLS where there is none', 'clear', () => ({ tls: ca(), user: user('SCRAM-SHA-512') }), /secure TLS.*KAFKA_TLS/],
    ['a user who may not', 'scram', () => ({ tls: ca(), user: user('SCRAM-SHA-256') }), /not authorized.*operations/i],
  ])('says what is wrong with %s, and goes on trying', async (_, name, door, sentence) => {
    const { log, said } = listening();
    const prefix = _ === 'a user who may not' ? 'others.' : 'doors.';
    const bus = new KafkaBus({ ...optionsOf(name, door(), log), topicPrefix: prefix });
    const opening = bus.open().catch(() => 'closed');
    await until(async () => sentence.test((await bus.problem()) ?? ''), 'the reason');
    await until(() => said.filter((line) => line.startsWith('Kafka is waited for')).length > 1, 'another try');
    expect(said.find((line) => line.startsWith('Kafka is waited for'))).toMatch(sentence);
    await bus.close();
    expect(await opening).toBe('closed');
    expect(said.join('\n')).not.toMatch(secrets);
  });

  it('takes renewed certificates without a restart', async () => {
    const [held, other] = await Promise.all([authority.issue(), stranger.issue()]);
    await copyFile(other.cert, held.cert);
    await copyFile(other.key, held.key);
    const bus = keep(new KafkaBus(optionsOf('mutual', { tls: new TlsFiles(held) })));
    const opening = bus.open();
    await until(async () => /certificate/.test((await bus.problem()) ?? ''), 'the stranger to be refused');
    const renewed = await authority.issue();
    await copyFile(renewed.cert, held.cert);
    await copyFile(renewed.key, held.key);
    await opening;
    await bus.publish([record(0, 'hello')]);
    expect(await bus.problem()).toBeUndefined();
  });

  it('lives on while its password does not hold any more', async () => {
    const door: KafkaDoor = { tls: ca(), user: user('PLAIN') };
    const proxy = await TcpProxy.to(server.doors['plain']!);
    closing.push(proxy);
    const socketFactory: ISocketFactory = ({ ssl, onConnect }) =>
      connect({ port: proxy.port, host: '127.0.0.1', secureContext: ssl.secureContext }, onConnect);
    const bus = keep(new KafkaBus({ ...optionsOf('plain', door), socketFactory, publishTimeoutMs: 60_000 }));
    await bus.open();
    const taking = new Taking();
    await bus.consume(taking);
    await bus.publish([record(0, 'before')]);
    await taking.when(() => taking.values(0).length === 1);

    proxy.target = server.doors['changed']!;
    proxy.cut();
    await until(async () => /KAFKA_PASSWORD/.test((await bus.problem()) ?? ''), 'the reason');
    const meanwhile = bus.publish([record(0, 'meanwhile')]);
    proxy.target = server.doors['plain']!;
    await until(async () => (await bus.problem()) === undefined, 'Kafka to let us in again');
    await meanwhile;
    await taking.when(() => taking.values(0).length > 1);
    expect(taking.values(0)).toContain('meanwhile');
  });
});
