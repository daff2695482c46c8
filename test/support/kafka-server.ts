import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';
import { freePort, launch, testServer, type TestServer } from './server-process.js';

const run = promisify(execFile);
const VERSION = '4.1.0';
/** What a broker may take to answer on a loaded machine. */
const READY_MS = 60_000;

export interface KafkaServer extends TestServer {
  /** `host:port`, as `KAFKA_BROKERS` wants it. */
  readonly brokers: string;
  /** The same of each of `listeners`, by its name. */
  readonly doors: Readonly<Record<string, string>>;
}

/** One more port, whose settings Kafka reads as `listener.name.<name>.<setting>`. */
export interface KafkaListener {
  /** Lower case. */
  name: string;
  protocol: 'SSL' | 'SASL_SSL' | 'SASL_PLAINTEXT';
  settings: Record<string, string>;
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
export async function startKafka({
  cacheDir,
  port,
  advertised,
  dataFolder,
  listeners = [],
  users = [],
  settings: more = {},
}: {
  cacheDir?: string;
  port?: number;
  /** `host:port` that clients are told to connect to: of a proxy. */
  advertised?: string;
  /** Where its log goes; a folder of its own by default. */
  dataFolder?: string;
  listeners?: readonly KafkaListener[];
  /** Who may come in by SCRAM, as `kafka-storage format --add-scram` takes them. */
  users?: readonly string[];
  settings?: Record<string, string>;
} = {}): Promise<KafkaServer> {
  const jars = await fetchJars(cacheDir ?? jarFolder());
  const folder = await mkdtemp(join(tmpdir(), 'skylark-kafka-'));
  const broker = port ?? (await freePort());
  const settings = join(folder, 'server.properties');
  const data = join(dataFolder ?? folder, 'data');
  const told = advertised ?? `127.0.0.1:${broker}`;
  const ports = await Promise.all(listeners.map(() => freePort()));
  const lines = serverProperties(data, broker, await freePort(), told, listeners, ports);
  await writeFile(settings, `${lines}${properties(more)}`);
  const classPath = ['-Dlog4j2.level=WARN', '-cp', join(jars, '*')];
  const scram = users.flatMap((user) => ['--add-scram', user]);
  await run('java', [...classPath, 'kafka.tools.StorageTool', 'format', '-t', clusterId(), '-c', settings, ...scram]);

  const options = ['-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
  const brokers = `127.0.0.1:${broker}`;
  const start = () =>
    launch('java', [...options, ...classPath, 'kafka.Kafka', settings], () => answering(brokers), { cwd: folder });
  try {
    const doors = Object.fromEntries(listeners.map(({ name }, n) => [name, `127.0.0.1:${ports[n]}`]));
    return { ...testServer(await start(), broker, folder, start), brokers, doors };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
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

function serverProperties(
  data: string,
  broker: number,
  controller: number,
  advertised: string,
  listeners: readonly KafkaListener[],
  ports: readonly number[],
): string {
  const more = listeners.map(({ name }, n) => `,${name.toUpperCase()}://127.0.0.1:${ports[n]}`).join('');
  const protocols = listeners.map(({ name, protocol }) => `,${name.toUpperCase()}:${protocol}`).join('');
  const own = listeners.map(({ name, settings }) => properties(settings, `listener.name.${name}.`)).join('');
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${broker},CONTROLLER://127.0.0.1:${controller}${more}
advertised.listeners=PLAINTEXT://${advertised}${more}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT${protocols}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
${own}log.dirs=${data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=200
`;
}

const properties = (settings: Record<string, string>, before = ''): string =>
  Object.entries(settings)
    .map(([name, value]) => `${before}${name}=${value}\n`)
    .join('');

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

async function answers(command: string, args: string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  );
}
