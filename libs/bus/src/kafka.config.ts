import { isLoopback, tlsFiles, type Env, type TlsFiles } from '@app/runtime';

const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

/** How Kafka is spoken to. */
export interface KafkaDoor {
  /** TLS by these files, or by the authorities that Node.js knows; undefined: in the clear. */
  tls?: TlsFiles | 'known' | undefined;
  /** Nothing leaves this machine. */
  isNear?: boolean;
  /** Who we are, by SASL. */
  user?: { mechanism: (typeof mechanisms)[number]; username: string; password: string } | undefined;
}

/** Where Kafka is, how it is spoken to, and who we are there. */
export const kafkaConfig = (env: Env) => {
  const brokers = env.list('KAFKA_BROKERS', ['127.0.0.1:9092'], 'Kafka, comma list of host:port');
  return {
    brokers,
    topicPrefix: env.text('KAFKA_TOPIC_PREFIX', 'skylark.', "before every topic's name"),
    sessionTimeoutMs: env.ms(
      'KAFKA_SESSION_TIMEOUT_MS',
      10_000,
      "milliseconds of silence after which Kafka gives a job's shards to others; brokers take 6000 and more unless told",
      { min: 3_000 },
    ),
    door: kafkaDoor(env, brokers.every(isHere)),
  };
};

/** @param isNear nothing leaves this machine, so that nobody can read along. */
function kafkaDoor(env: Env, isNear: boolean): KafkaDoor {
  const isAsked = env.flag('KAFKA_TLS', false, '`1`: Kafka by TLS; the next three ask for it too');
  const files = tlsFiles(env, 'KAFKA_TLS', 'Kafka');
  if (files && !isAsked && env.isSet('KAFKA_TLS')) {
    env.refuse(
      'KAFKA_TLS=0 does not go with KAFKA_TLS_CA, KAFKA_TLS_CERT and KAFKA_TLS_KEY: take one or the other away',
    );
  }
  const tls = files ?? (isAsked ? 'known' : undefined);
  const username = env.optional('KAFKA_USERNAME', 'who we are to Kafka, by SASL');
  const password = env.optional('KAFKA_PASSWORD', 'and the password for it');
  const mechanism = env.oneOf(
    'KAFKA_SASL_MECHANISM',
    mechanisms,
    'SCRAM-SHA-512',
    `how it is proved: ${mechanisms.map((name) => `\`${name}\``).join(', ')}; \`PLAIN\` shows the password and asks for TLS`,
  );
  if ((username === undefined) !== (password === undefined)) {
    env.refuse('KAFKA_USERNAME and KAFKA_PASSWORD belong together: set both or neither');
  }
  if (username === undefined || password === undefined) {
    if (env.isSet('KAFKA_SASL_MECHANISM')) env.refuse('KAFKA_SASL_MECHANISM needs KAFKA_USERNAME and KAFKA_PASSWORD');
    return { tls, isNear };
  }
  if (mechanism === 'PLAIN' && !tls && !isNear) {
    env.refuse(
      'KAFKA_SASL_MECHANISM=PLAIN shows the password to everybody on the way to KAFKA_BROKERS: ' +
        'set KAFKA_TLS=1, or take SCRAM-SHA-512',
    );
  }
  return { tls, isNear, user: { mechanism, username, password } };
}

/** Of `host:port`. */
const isHere = (broker: string): boolean => isLoopback(broker.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1'));
