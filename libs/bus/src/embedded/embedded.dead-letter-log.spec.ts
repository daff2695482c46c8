import { Metrics, silentLog } from '@app/runtime';
import { dead, describeDeadLetterLog } from '../dead-letter-log.contract.js';
import { EmbeddedDeadLetterLog } from './embedded.dead-letter-log.js';

function open(maxBytes?: number) {
  const metrics = new Metrics();
  return { metrics, log: new EmbeddedDeadLetterLog({ maxBytes, log: silentLog, metrics }) };
}

describeDeadLetterLog('embedded', async () => {
  const { log } = open();
  return { log, another: log, dispose: async () => {} };
});

describe('embedded dead letters', () => {
  it('are bounded in bytes: the oldest make room, and are counted', async () => {
    const { log, metrics } = open(100_000);
    for (let i = 0; i < 10; i += 1) await log.put(dead(i, { value: Buffer.alloc(30_000) }));

    const { letters } = await log.list({ limit: 100 });
    expect(letters.map(({ source }) => source.offset)).toEqual([7, 8, 9]);
    const { values } = await metrics.dropped.get();
    expect(values).toEqual([expect.objectContaining({ value: 7, labels: { stage: 'dead', reason: 'overflow' } })]);
  });

  it('keep all but the value of a record that is larger than they may be', async () => {
    const { log } = open(10_000);
    await log.put(dead(0, { value: Buffer.alloc(30_000) }));
    expect((await log.list({ limit: 1 })).letters).toMatchObject([{ isCut: true, error: 'no record' }]);
  });
});
