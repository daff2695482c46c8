import type { ConnectionOptions } from 'node:tls';
import type { Log, TlsFiles } from '@app/runtime';
import type { KafkaConfig, SASLOptions } from 'kafkajs';
import type { KafkaDoor } from '../kafka.config.js';

/** What kafkajs is to be told of it. */
export function doorOptions({ tls, user }: KafkaDoor, log: Log): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  // kafkajs keeps things of its own in what it is given.
  const sasl = user && ({ ...user, mechanism: user.mechanism.toLowerCase() } as SASLOptions);
  return { ...(tls && { ssl: tlsOptions(tls, log) }), ...(sasl && { sasl }) };
}

/** kafkajs copies them for each connection, which is when the certificates are looked at: they may have been renewed. */
function tlsOptions(tls: TlsFiles | 'known', log: Log): ConnectionOptions {
  if (tls === 'known') return {};
  const told = (why: string) => log.error({ why }, 'certificates of Kafka not read again');
  return {
    get secureContext() {
      return tls.now(told).context;
    },
  };
}

/** What to look at, by what Kafka or TLS says when we are not let in; undefined when it is something else. */
export const adviceFor = (message: string): string | undefined => advices.find(([said]) => said.test(message))?.[1];

const advices: [said: RegExp, advice: string][] = [
  [/SASL state/, 'this port asks for no user: take KAFKA_USERNAME away, or name the port that does'],
  [/SASL/, 'look at KAFKA_USERNAME, KAFKA_PASSWORD and KAFKA_SASL_MECHANISM'],
  [/before secure TLS/, 'this port does not seem to speak TLS: look at KAFKA_TLS'],
  [/certificate|altnames|tls.* alert/i, 'look at KAFKA_TLS_CA, KAFKA_TLS_CERT and KAFKA_TLS_KEY'],
  [/^Closed connection/, 'so does a port that asks for TLS (KAFKA_TLS) or for a user (KAFKA_USERNAME)'],
  [/not authorized/i, 'the user of KAFKA_USERNAME may not do this: see the list in docs/operations.md'],
];
