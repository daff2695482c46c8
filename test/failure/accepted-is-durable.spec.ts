import { connect } from 'node:net';
import { Metrics, silentLog } from '@app/runtime';
import { Taking, record } from '../../libs/bus/src/bus.contract.js';
import { KafkaBus } from '../../libs/bus/src/kafka/kafka.bus.js';
import { startKafka } from '../support/kafka-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const describeWithServers = process.env.KAFKA_BROKERS ? describe : describe.skip;

/** A Kafka request begins with four bytes of length, then the API key: 0 is Produce. */
const isProduce = (bytes: Buffer) => bytes.length >= 6 && bytes.readInt16BE(4) === 0;

describeWithServers('what is accepted', () => {
  it('is on Kafka, also when its answer was lost and the broker is killed right after', async () => {
    const kafka = await startKafka();
    const proxy = await TcpProxy.to(kafka.brokers);
    const about = { topicPrefix: 't.', shards: 1, clientId: 'test', log: silentLog, metrics: new Metrics() };
    const socketFactory = ({ onConnect }: { onConnect: () => void }) => connect(proxy.port, '127.0.0.1', onConnect);
    const producer = new KafkaBus({ ...about, brokers: [kafka.brokers], socketFactory });
    const reader = new KafkaBus({ ...about, brokers: [kafka.brokers] });
    try {
      await producer.open();
      expect(producer.durable).toBe(true);
      await producer.publish([record(0, 'warm')]);
      const swallowed = proxy.swallowAnswer(isProduce);
      await producer.publish([record(0, 'accepted')]);
      await Promise.all([swallowed, kafka.kill('SIGKILL')]);
      await kafka.restart();

      const taking = new Taking();
      await reader.open();
      await reader.consume(taking);
      await taking.when(() => taking.values(0).includes('accepted'));
      expect([...new Set(taking.values(0))]).toEqual(['warm', 'accepted']);
    } finally {
      await Promise.all([producer.close(), reader.close()]);
      await proxy.close();
      await kafka.stop();
    }
  });
});
