/** What Kafka says of one topic. */
export interface TopicSeen {
  shards: number;
  clusterId: string;
  /** Kafka's own id of it, which a topic that was made anew does not share; undefined where Kafka tells none. */
  id: string | undefined;
}

/** The same with Kafka's error code: 0 for none, 3 when there is no such topic. */
export interface TopicAnswer extends TopicSeen {
  error: number;
}

/** A request as a kafkajs connection sends it. */
export interface KafkaRequest<T> {
  request: {
    apiKey: number;
    apiVersion: number;
    apiName: string;
    encode: () => Promise<{ buf: Buffer; buffer: Buffer }>;
  };
  response: { decode: (bytes: Buffer) => Promise<T>; parse: (decoded: T) => Promise<T> };
}

export const METADATA_KEY = 3;
/** The first version that tells ids, of Kafka 2.8; kafkajs speaks none that does. */
export const METADATA_VERSION = 10;

/** Asks for a topic's id and number of partitions, in the Metadata request of Kafka's protocol. */
export function metadataRequest(topic: string): KafkaRequest<TopicAnswer> {
  const name = Buffer.from(topic);
  const noTags = Buffer.of(0);
  const bytes = Buffer.concat([
    noTags, // ends the header, which kafkajs writes without
    Buffer.of(2), // one topic
    Buffer.alloc(16), // by no id
    varint(name.length + 1),
    name,
    noTags,
    Buffer.of(0, 0, 0), // make none, tell of no permissions
    noTags,
  ]);
  return {
    request: {
      apiKey: METADATA_KEY,
      apiVersion: METADATA_VERSION,
      apiName: 'Metadata',
      encode: () => Promise.resolve({ buf: bytes, buffer: bytes }),
    },
    response: {
      decode: (answer) => Promise.resolve(topicIn(answer)),
      parse: (answer) => Promise.resolve(answer),
    },
  };
}

/** The one topic in a Metadata answer. */
function topicIn(bytes: Buffer): TopicAnswer {
  const reader = new Reader(bytes);
  reader.tags();
  reader.skip(4); // throttling
  for (let left = reader.length(); left > 0; left -= 1) {
    reader.skip(4); // a broker's id
    reader.string();
    reader.skip(4);
    reader.string();
    reader.tags();
  }
  const clusterId = reader.string();
  reader.skip(4); // the controller
  if (reader.length() < 1) throw new Error('Kafka answered for no topic');
  const error = reader.skip(2).readInt16BE();
  reader.string();
  const id = reader.skip(16).toString('base64url');
  reader.skip(1);
  return { error, id, clusterId, shards: reader.length() };
}

/** The flexible encoding of Kafka's protocol: lengths are varints, one more than what they count. */
class Reader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  skip(count: number): Buffer {
    if (this.at + count > this.bytes.length) throw new RangeError("Kafka's answer ends too soon");
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  /** Of a list or a string; 0 also for one that is not there. */
  length(): number {
    return Math.max(0, this.varint() - 1);
  }

  string(): string {
    return this.skip(this.length()).toString();
  }

  tags(): void {
    for (let left = this.varint(); left > 0; left -= 1) {
      this.varint();
      this.skip(this.varint());
    }
  }

  private varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.skip(1)[0]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  return Buffer.from([...bytes, left]);
}
