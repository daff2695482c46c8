import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';

const run = promisify(execFile);
const VERSION = '4.1.0';
/** What a broker may take to answer on a loaded machine. */
const READY_MS = 60_000;

export interface KafkaServer {
  /** `host:port`, as `KAFKA_BROKERS` wants it. */
  readonly brokers: string;
  readonly port: number;
  /** Ends the broker and removes its folder. */
  stop(): Promise<void>;
  /** Signals the broker, keeps its data, resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts a killed broker again on the same port with the same data; resolves when it answers. */
  restart(): Promise<void>;
}

/** @throws an Error whose message says what is missing. */
export async function kafkaAvailable(): Promise<true> {
  if (!(await answers('java', ['-version']))) throw new Error('there is no java on the PATH');
  if (!(await hasJars(jarFolder())) && !(await answers('mvn', ['-v']))) {
    throw new Error('there is no mvn on the PATH to fetch Apache Kafka with');
  }
  return true;
}

/** Starts one Apache Kafka node (KRaft, broker and controller in one) on loopback; resolves when it answers. */
export async function startKafka({ cacheDir, port }: { cacheDir?: string; port?: number } = {}): Promise<KafkaServer> {
  const jars = await fetchJars(cacheDir ?? jarFolder());
  const folder = await mkdtemp(join(tmpdir(), 'skylark-kafka-'));
  const broker = port ?? (await freePort());
  const settings = join(folder, 'server.properties');
  await writeFile(settings, serverProperties(folder, broker, await freePort()));
  const classPath = ['-Dlog4j2.level=WARN', '-cp', join(jars, '*')];
  await run('java', [...classPath, 'kafka.tools.StorageTool', 'format', '-t', clusterId(), '-c', settings]);

  const start = async () => {
    const options = ['-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
    const child = spawn('java', [...options, ...classPath, 'kafka.Kafka', settings], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // A test run that is cut short leaves no broker behind.
    const dieTogether = () => child.kill('SIGKILL');
    process.once('exit', dieTogether);
    child.once('exit', () => process.off('exit', dieTogether));
    const said = lastLines(child);
    await Promise.race([
      answering(`127.0.0.1:${broker}`),
      ended(child).then(() => Promise.reject(new Error(`Kafka ended while starting:\n${said()}`))),
    ]).catch(async (error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    });
    return child;
  };
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    const gone = ended(child);
    child.kill(signal);
    await gone;
  };

  let child = await start().catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  return {
    brokers: `127.0.0.1:${broker}`,
    port: broker,
    kill,
    restart: async () => {
      child = await start();
    },
    stop: async () => {
      await kill(); // its data goes with it, so there is nothing to shut down in order
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function jarFolder(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cache, 'skylark', `kafka-${VERSION}`);
}

/** By Maven, once; others that fetch at the same time do no harm, because the folder appears whole. */
async function fetchJars(folder: string): Promise<string> {
  if (await hasJars(folder)) return folder;
  const work = await mkdtemp(join(tmpdir(), 'skylark-kafka-jars-'));
  try {
    await writeFile(join(work, 'pom.xml'), pom());
    const copy = ['dependency:copy-dependencies', `-DoutputDirectory=${join(work, 'libs')}`];
    await run('mvn', ['-q', '-B', '-f', join(work, 'pom.xml'), ...copy], { timeout: 300_000 });
    await mkdir(join(folder, '..'), { recursive: true });
    const beside = `${folder}.${randomBytes(4).toString('hex')}`; // `rename` needs the same file system
    await cp(join(work, 'libs'), beside, { recursive: true });
    await rename(beside, folder).catch(() => rm(beside, { recursive: true, force: true }));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  if (!(await hasJars(folder))) throw new Error(`Maven brought no Kafka into ${folder}`);
  return folder;
}

async function hasJars(folder: string): Promise<boolean> {
  return existsSync(folder) && (await readdir(folder)).includes(`kafka_2.13-${VERSION}.jar`);
}

function pom(): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>skylark</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version>
  </dependency></dependencies>
</project>
`;
}

/** Kafka's cluster ids are 16 random bytes in URL-safe base64, and none begins with a dash. */
function clusterId(): string {
  return randomBytes(16).toString('base64url').replace(/^-/, 'A');
}

function serverProperties(folder: string, broker: number, controller: number): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${broker},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${broker}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=${join(folder, 'data')}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
auto.create.topics.enable=false
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when the broker tells its topics, which it does once it has a controller. */
async function answering(brokers: string): Promise<void> {
  const { Kafka, logLevel } = kafkajs;
  const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING, retry: { retries: 0 } });
  const deadline = Date.now() + READY_MS;
  for (;;) {
    const admin = kafka.admin();
    try {
      await admin.connect();
      await admin.listTopics();
      const { controller } = await admin.describeCluster();
      if (controller !== null) return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`Kafka did not answer within ${READY_MS} ms`, { cause: error });
    } finally {
      await admin.disconnect().catch(() => {});
    }
    await new Promise((resolve) => setTimeout(resolve, 100)); // a broker has no event for "ready"
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** Keeps reading, so that the broker never blocks on a full pipe; answers what it said last. */
function lastLines(child: ChildProcess): () => string {
  let said = '';
  const hear = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000);
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  return () => said;
}

async function answers(command: string, args: string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  );
}
