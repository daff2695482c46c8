import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Pipeline } from './pipeline.js';
import { busTransport, type ShardBatch } from './records.server.js';

/** Nest's door to the bus: batches of one shard, in order; the next one comes after this one's promise. */
@Controller()
export class RecordsController {
  constructor(private readonly pipeline: Pipeline) {}

  @EventPattern('records', busTransport)
  take(@Payload() { shard, entries }: ShardBatch): Promise<void> {
    return this.pipeline.take(shard, entries);
  }

  @EventPattern('recalled', busTransport)
  remember(@Payload() { shard, entries }: ShardBatch): Promise<void> {
    return this.pipeline.remember(shard, entries);
  }
}
