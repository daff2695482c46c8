import type { Log } from '@app/runtime';
import kafkajs, { type Kafka, type LogEntry, type RetryOptions } from 'kafkajs';
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
const BENIGN = /^crash|coordinator|rebalanc|rejoin|leadership election|connection|member id|timed out/i;

/** Whether an error is a group that is about to be there, or about to be another. */
export function isPassing(error: unknown): boolean {
  return /coordinator|rebalanc/i.test(saying(error));
}

/** A kafkajs factory: its lines in our log, and so many tries of its own to connect again. */
export function kafkaClient(settings: KafkaSettings, retry: RetryOptions = QUICK): Kafka {
  return new kafkajs.Kafka({
    clientId: settings.clientId,
    brokers: [...settings.brokers],
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

export function saying(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function tell(log: Log, { namespace, level, log: { message, ...fields } }: LogEntry): void {
  const isTrouble = level === kafkajs.logLevel.ERROR && !BENIGN.test(`${message} ${String(fields['error'] ?? '')}`);
  log[isTrouble ? 'warn' : 'debug']({ kafkajs: { namespace, ...fields } }, message);
}
