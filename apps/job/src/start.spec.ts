import 'reflect-metadata';
import { createServer, type AddressInfo } from 'node:net';
import { EventEmitter, once } from 'node:events';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { createBus } from '@app/bus';
import { createMemoryHistory } from '@app/history';
import { recordCodec, Refusal, type DeliveryBatch } from '@app/protocol/wires';
import { createMemoryRegistry } from '@app/registry';
import { answer, deliver, rpcPortOf, rpcServerOptions } from '@app/rpc';
import { Metrics, readConfig, silentLog } from '@app/runtime';
import { jobConfig } from './job.config.js';
import { startJob, type JobParts } from './start.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const secret = 'between us';
const settings = { RPC_SECRET: secret, JOB_HTTP_PORT: '0', BIND: '127.0.0.1' };

async function parts(more: Record<string, string> = {}) {
  const config = readConfig({ ...settings, ...more }, (env) => jobConfig(env, 'standalone'));
  const metrics = new Metrics();
  const bus = createBus({ backend: 'embedded', shards: 2, log: silentLog, metrics });
  const registry = createMemoryRegistry();
  const history = createMemoryHistory(config.policies);
  await bus.open();
  return { config, bus, registry, history, metrics, log: silentLog, listenHttp: true } satisfies JobParts;
}

/** A gateway's RPC door in this process; `arrived` resolves with the first batch. */
async function gateway(registry: Awaited<ReturnType<typeof parts>>['registry']) {
  const arrivals = new EventEmitter<{ batch: [DeliveryBatch] }>();
  @Controller()
  class Deliveries {
    @MessagePattern('deliver')
    take(@Payload() bytes: Uint8Array): Promise<Buffer> {
      return answer(deliver, bytes, (batch) => {
        arrivals.emit('batch', batch);
        return { taken: batch.deliveries.at(-1)!.offset, refused: Refusal.none, gone: [] };
      });
    }
  }
  @Module({ controllers: [Deliveries] })
  class GatewayModule {}
  const app = await NestFactory.createMicroservice(GatewayModule, {
    ...rpcServerOptions({ host: '127.0.0.1', port: 0, secret, log: silentLog, metrics: new Metrics() }),
    logger: false,
  });
  await app.listen();
  cleanups.push(() => app.close());
  const counts = { connections: 1, users: 0, rooms: 0, startedAtMs: 0 };
  const where = { host: '127.0.0.1', port: rpcPortOf(app), address: '', region: '', state: 'serving' as const };
  await registry.nodes.renew({ kind: 'gateway', id: 'g1', incarnation: 1, ...where, ...counts }, 60_000);
  return { arrived: once(arrivals, 'batch') as Promise<[DeliveryBatch]> };
}

describe('startJob', () => {
  it('carries a record from the bus to a gateway, and tells how it is', async () => {
    const given = await parts();
    const { arrived } = await gateway(given.registry);
    const job = await startJob(given);
    await job.consuming;
    const targets = [{ channel: 'all', devices: [] }];
    const record = { app: 'default', targets, body: Buffer.from('body'), id: 'a', part: 0 };
    const value = recordCodec.encode({ ...record, expiresAtMs: 0, retain: true, speed: 0 });
    await given.bus.publish([{ shard: 1, key: 'default/all', value }]);
    const [batch] = await arrived;
    expect(batch).toMatchObject({ shard: 1, deliveries: [{ offset: 0, steps: [{ channel: 'all', prev: -2 }] }] });
    expect(Buffer.from(batch.deliveries[0]!.body).toString()).toBe('body');

    const ready = await fetch(`http://127.0.0.1:${job.httpPort}/health/ready`);
    expect(ready.status).toBe(200);
    await job.close();
    await given.bus.close();
    const { values } = await given.metrics.counter('skylark_job_deliveries_total', '').get();
    expect(values[0]!.value).toBe(1);
  });

  it('names the setting of a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    cleanups.push(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const given = await parts({ JOB_HTTP_PORT: String(port) });
    await expect(startJob(given)).rejects.toMatchObject({
      name: 'ListenError',
      message: expect.stringContaining(`JOB_HTTP_PORT=${port}`),
    });
  });
});
