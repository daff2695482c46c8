import type { Delivery, DeliveryBatch, Step } from './messages.js';
import { BackwardWriter, longest, ProtoReader, sizedTag, uintTag } from './proto-bytes.js';

/** Of a field: its tag and length, or its tag and a number. */
const fieldBytes = 15;

/** Where a batch is written before its length is known: buffers that are too large cost more in collections than a copy does. */
const scratch = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * `DeliveryBatch` of the schema, by hand: it is the one message between job and gateway, and generated code took two thirds of the way
 * there. Bytes are those of the generated code, which the specs compare it with.
 */
export const deliveryBatchCodec = {
  encode(batch: DeliveryBatch): Buffer {
    const { epoch, shard, ownerEpoch, incarnation, deliveries } = batch;
    const most = mostBytes(batch);
    const writer = new BackwardWriter(most > scratch.length ? Buffer.allocUnsafe(most) : scratch);
    for (let i = deliveries.length - 1; i >= 0; i -= 1) writeDelivery(writer, deliveries[i]!);
    writer.string(sizedTag(4), incarnation);
    writer.uint(uintTag(3), ownerEpoch);
    writer.uint(uintTag(2), shard);
    writer.string(sizedTag(1), epoch);
    const written = writer.written();
    return written.buffer === scratch.buffer ? Buffer.from(written) : written;
  },

  /** Bodies are parts of `bytes`, not copies. @throws what is no such message */
  decode(bytes: Uint8Array): DeliveryBatch {
    const reader = new ProtoReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    const batch: DeliveryBatch = { epoch: '', shard: 0, ownerEpoch: 0, incarnation: '', deliveries: [] };
    while (reader.hasMore) {
      const tag = reader.tag();
      if (tag === sizedTag(1)) batch.epoch = reader.string(tag);
      else if (tag === uintTag(2)) batch.shard = reader.uint();
      else if (tag === uintTag(3)) batch.ownerEpoch = reader.uint();
      else if (tag === sizedTag(4)) batch.incarnation = reader.string(tag);
      else if (tag === sizedTag(5)) batch.deliveries.push(readDelivery(reader));
      else reader.skip(tag);
    }
    return batch;
  },
};

function mostBytes({ epoch, incarnation, deliveries }: DeliveryBatch): number {
  let bytes = 4 * fieldBytes + longest(epoch) + longest(incarnation);
  for (const { steps, body, app } of deliveries) {
    bytes += 5 * fieldBytes + body.length + longest(app);
    for (const { channel, devices } of steps) {
      bytes += 4 * fieldBytes + longest(channel);
      for (const device of devices) bytes += fieldBytes + longest(device);
    }
  }
  return bytes;
}

function writeDelivery(writer: BackwardWriter, { offset, steps, body, app, rate }: Delivery): void {
  const { mark } = writer;
  writer.uint(uintTag(5), rate);
  writer.string(sizedTag(4), app);
  writer.raw(sizedTag(3), body);
  for (let i = steps.length - 1; i >= 0; i -= 1) writeStep(writer, steps[i]!);
  writer.uint(uintTag(1), offset);
  writer.nested(sizedTag(5), mark);
}

function writeStep(writer: BackwardWriter, { channel, devices, prev, after = 0 }: Step): void {
  const { mark } = writer;
  writer.uint(uintTag(4), after);
  writer.sint(uintTag(3), prev);
  for (let i = devices.length - 1; i >= 0; i -= 1) writer.element(sizedTag(2), devices[i]!);
  writer.string(sizedTag(1), channel);
  writer.nested(sizedTag(2), mark);
}

function readDelivery(reader: ProtoReader): Delivery {
  const delivery: Delivery = { offset: 0, steps: [], body: nothing, app: '', rate: 0 };
  const outer = reader.enter();
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag === uintTag(1)) delivery.offset = reader.uint();
    else if (tag === sizedTag(2)) delivery.steps.push(readStep(reader));
    else if (tag === sizedTag(3)) delivery.body = reader.raw();
    else if (tag === sizedTag(4)) delivery.app = reader.string(tag);
    else if (tag === uintTag(5)) delivery.rate = reader.uint();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return delivery;
}

function readStep(reader: ProtoReader): Step {
  const step: Step = { channel: '', devices: [], prev: 0, after: 0 };
  const outer = reader.enter();
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag === sizedTag(1)) step.channel = reader.string(tag);
    else if (tag === sizedTag(2)) step.devices.push(reader.string(tag));
    else if (tag === uintTag(3)) step.prev = reader.sint();
    else if (tag === uintTag(4)) step.after = reader.uint();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return step;
}

const nothing = Buffer.alloc(0);
