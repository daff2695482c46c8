import { Redis } from 'ioredis';
import { startCluster } from '../support/cluster.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { ledgersEven } from '../support/ledgers.js';
import { Follower, keepsAll, Stream } from './stream.js';

const describeWithServers = process.env.REDIS_URL && process.env.KAFKA_BROKERS ? describe : describe.skip;

describeWithServers('the connection from job to gateway', () => {
  it('may be cut in mid-batch, with the answer lost or the batch, and nothing is lost or comes twice', async () => {
    const REDIS_PREFIX = `rpc-cut-${process.pid}:`;
    await using cluster = await startCluster({
      on: 'servers',
      // Of what is not kept only the gateway's lane guard knows that it came before.
      env: { CHANNEL_POLICIES: `${keepsAll.CHANNEL_POLICIES},room:b=0`, REDIS_PREFIX, LEASE_MS: '60000' },
    });
    // The gateway stands in the registry with our proxy's port, until it renews its lease, which is long.
    const { rpcPort } = cluster.gateways[0]!;
    await using proxy = await TcpProxy.to(`127.0.0.1:${rpcPort}`);
    const redis = new Redis(process.env.REDIS_URL!);
    const nodes = `${REDIS_PREFIX}nodes:gateway`;
    const entry = (await redis.hget(nodes, 'gateway-0'))!;
    await redis.hset(nodes, 'gateway-0', entry.replace(`"port":${rpcPort}`, `"port":${proxy.port}`));
    await redis.quit();

    const person = await Follower.of(cluster, 'ann', ['a', 'b']);
    const stream = await Stream.into(cluster, ['a', 'b']);
    for (let cuts = 0; cuts < 3; cuts += 1) {
      await proxy.swallowAnswer((bytes) => bytes.includes('room:'));
      await stream.more(5);
      await proxy.nextRequest((bytes) => bytes.includes('room:'));
      proxy.cut();
      await stream.more(5);
    }
    await stream.stop();
    await person.hasAll(stream);
    expect(person.closes).toEqual([]);
    await person.leave();
    await ledgersEven(cluster);
  });
});
