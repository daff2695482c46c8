import { spawnSync } from 'node:child_process';
import { Authority, type Certificate } from '../support/certificates.js';
import { allowSkylark, kafkaUser, startKafkaWithDoors } from '../support/kafka-doors.js';
import { Processes, type AppProcess } from '../support/processes.js';
import { redisUser, startLockedRedis } from '../support/redis-doors.js';
import { until } from '../support/until.js';
import { upgradeRefused } from '../support/wire-client.js';

const isHere = ['redis-server', 'java'].every((name) => spawnSync(name, ['--version']).status === 0);
const secret = 'what all of them know';

const rpcTls = ({ ca, cert, key }: Certificate) => ({ RPC_TLS_CA: ca, RPC_TLS_CERT: cert, RPC_TLS_KEY: key });

/** What a process said of the connections that it refused, or would not use. */
const refusalsOf = ({ lines }: AppProcess) =>
  lines.filter(({ msg }) => msg === 'rpc connection refused' || msg === 'rpc peer refused').map(({ reason }) => reason);

/** Its clients are turned away, since logic does not speak with it. */
async function turnsAway(gateway: AppProcess): Promise<void> {
  await gateway.says('clients are let in');
  const { port } = await gateway.says('gateway listens');
  const refused = await upgradeRefused(`ws://127.0.0.1:${String(port)}/connect`, { query: { user: 'bob' } });
  expect(refused.status).toBe(503);
}

(isHere ? describe : describe.skip)('processes whose every wire is locked', () => {
  it('carry a push by TLS and passwords alone, and keep out who has not got both', async () => {
    await using authority = await Authority.create();
    await using others = await Authority.create();
    const [redis, kafka] = await Promise.all([
      startLockedRedis(authority, 'skylark:*'),
      startKafkaWithDoors(authority),
    ]);
    try {
      await allowSkylark(kafka, 'skylark.');
      const own = await authority.issue();
      await using cluster = new Processes({
        RPC_SECRET: secret,
        REDIS_URL: redis.url,
        REDIS_PREFIX: 'skylark:',
        REDIS_TLS_CA: own.ca,
        REDIS_TLS_CERT: own.cert,
        REDIS_TLS_KEY: own.key,
        KAFKA_BROKERS: kafka.doors['scram']!,
        KAFKA_TOPIC_PREFIX: 'skylark.',
        KAFKA_TLS_CA: own.ca,
        KAFKA_USERNAME: kafkaUser.username,
        KAFKA_PASSWORD: kafkaUser.password,
      });
      const [logic, job] = await Promise.all([
        cluster.startLogic(rpcTls(await authority.issue())),
        cluster.startJob(rpcTls(await authority.issue())),
        cluster.startGateway(rpcTls(await authority.issue())),
      ]);
      await cluster.ready();
      const ann = await cluster.connect('ann');
      await cluster.push('users', { users: ['ann'], type: 3, data: 'by locked wires' });
      expect(await ann.next(3)).toMatchObject({ data: 'by locked wires' });

      const foreign = cluster.start('gateway', { ...rpcTls(await others.issue()), RPC_TLS_CA: authority.ca });
      await turnsAway(foreign);
      await until(() => refusalsOf(logic).includes('tls'), 'logic to refuse a certificate that is not ours');
      await cluster.push('all', { type: 4, data: 'for all that are ours' });
      expect(await ann.next(4)).toMatchObject({ data: 'for all that are ours' });
      await until(() => refusalsOf(job).includes('tls'), 'job to refuse it too');
      await foreign.end();

      const guess = 'what a stranger guesses';
      await turnsAway(cluster.start('gateway', { ...rpcTls(await authority.issue()), RPC_SECRET: guess }));
      await until(() => refusalsOf(logic).includes('proof'), 'logic to refuse another secret');

      const said = cluster.all.flatMap(({ lines, text }) => [...lines.map((line) => JSON.stringify(line)), ...text]);
      for (const word of [secret, guess, kafkaUser.password, encodeURIComponent(redisUser.password)]) {
        expect(said.filter((line) => line.includes(word))).toEqual([]);
      }
    } finally {
      await Promise.all([redis.stop(), kafka.stop()]);
    }
  }, 180_000);
});
