import type { Log } from '@app/runtime';
import kafkajs, { type Kafka, type LogEntry, type RetryOptions } from 'kafkajs';
import './idle-queue.js';
import { adviceFor, doorOptions } from './kafka-door.js';
import type { KafkaSettings } from './kafka.options.js';

/** Tries that kafkajs makes by itself: few and quick, since who calls it tries again with a backoff of its own. */
const QUICK = { initialRetryTime: 50, maxRetryTime: 500, factor: 0.2, multiplier: 2, retries: 1 };

/**
 * Tries of a member of a group, for as long as the group keeps its place: a member made anew would have to wait until
 * the group has missed the old one.
 */
export function patient(sessionTimeoutMs: number): RetryOptions {
  return { ...QUICK, initialRetryTime: 100, maxRetryTime: 1_000, retries: 4 + Math.ceil(sessionTimeoutMs / 1_000) };
}

/** What kafkajs calls an error and settles by itself, or we tell of in words of our own. */
const BENIGN = /^crash|coordinator|rebalanc|rejoin|leadership election|connection|member id|timed out|sasl/i;

/** Whether an error is a group that is about to be there, or about to be another. */
export function isPassing(error: unknown): boolean {
  return /coordinator|rebalanc/i.test(saying(error));
}

/** A kafkajs factory: its lines in our log, and so many tries of its own to connect again. */
export function kafkaClient(settings: KafkaSettings, retry: RetryOptions = QUICK): Kafka {
  return new kafkajs.Kafka({
    clientId: settings.clientId,
    brokers: [...settings.brokers],
    ...doorOptions(settings.door ?? {}, settings.log),
    connectionTimeout: settings.connectTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    retry,
    logLevel: settings.log.isLevelEnabled('debug') ? kafkajs.logLevel.DEBUG : kafkajs.logLevel.ERROR,
    logCreator: () => (entry) => tell(settings.log, entry),
    ...(settings.socketFactory && { socketFactory: settings.socketFactory }),
  });
}

/** Whether Kafka has answered that it will not, as against not being there: saying it again would change nothing. */
export function isRefusal(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (typeof kafkaType(cause) === 'string') return (cause as { retriable?: boolean }).retriable === false;
  }
  return false;
}

/** Kafka's name for an error (`REBALANCE_IN_PROGRESS`), if it is one of Kafka's. */
export function kafkaType(error: unknown): string | undefined {
  const { type } = error as { type?: unknown };
  return typeof type === 'string' ? type : undefined;
}

/** An error as one sentence for people, with what to look at where the door is shut. */
export function saying(error: unknown): string {
  const { errors: [first = error] = [] } = error as { errors?: unknown[] }; // kafkajs's own says nothing
  const message = first instanceof Error ? first.message : String(first);
  // OpenSSL says in its fifth field what it means.
  const plain = message.trim().replace(/[\dA-F]+:error:[\dA-F]+:[^:]*:[^:]*:([^:]*):.*$/s, '$1');
  const advice = adviceFor(plain);
  return advice === undefined ? plain : `${plain} (${advice})`;
}

function tell(log: Log, { namespace, level, log: { message, ...fields } }: LogEntry): void {
  const isTrouble = level === kafkajs.logLevel.ERROR && !BENIGN.test(`${message} ${String(fields['error'] ?? '')}`);
  // What a server answers in SCRAM lets who reads it try passwords.
  const { data: _data, payload: _payload, ...others } = fields;
  const told = /sasl/i.test(message) ? others : fields;
  log[isTrouble ? 'warn' : 'debug']({ kafkajs: { namespace, ...told } }, message);
}
