import { Metrics, createLog, readConfig } from '@app/runtime';
import { jobConfig } from '../../apps/job/src/job.config.js';
import { startJob } from '../../apps/job/src/start.js';
import { startCluster } from '../support/cluster.js';

const text = 'x'.repeat(60_000);

describe('an embedded bus that is full', () => {
  it('refuses with 503 and Retry-After, and what it took before arrives, in order', async () => {
    // Without a job nothing leaves the bus.
    const env = { EMBEDDED_BUS_BYTES: '1MiB', MAX_OUTBOX_BYTES: '8MiB' };
    await using cluster = await startCluster({ jobs: 0, env });
    const ann = await cluster.connect('ann', { rooms: ['r'] });
    const push = () => cluster.post<{ id: string }>('/v1/push/rooms', { rooms: ['r'], type: 3, text });

    const accepted: string[] = [];
    let answer = await push();
    for (; answer.status === 202 && accepted.length < 100; answer = await push()) accepted.push(answer.body.id);
    expect(accepted).toHaveLength(Math.floor(1024 ** 2 / text.length));
    expect(answer).toMatchObject({ status: 503, body: { code: 'bus_unavailable' } });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);

    const config = readConfig(cluster.env, (reader) => jobConfig(reader, 'standalone'));
    const parts = { log: createLog('silent'), metrics: new Metrics(), listenHttp: false, ...cluster.shared! };
    const job = await startJob({ config, ...parts });
    try {
      for (const id of accepted) expect(await ann.next(3)).toMatchObject({ id });
      await cluster.push('rooms', { rooms: ['r'], type: 4, data: 'room again' });
      expect(await ann.next((packet) => packet.type === 3 || packet.type === 4)).toMatchObject({ type: 4 });
    } finally {
      await job.close();
    }
  });
});
