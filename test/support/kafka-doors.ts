import { readFile, writeFile } from 'node:fs/promises';
import kafkajs from 'kafkajs';
import type { Authority, Certificate } from './certificates.js';
import { startKafka, type KafkaListener, type KafkaServer } from './kafka-server.js';

/** Whom it knows. */
export const kafkaUser = { username: 'skylark', password: 'p@ss:w/rd' };

const scrams = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];
const jaas = 'org.apache.kafka.common.security';

/**
 * A Kafka with a door of each kind, of which each shows a certificate of `authority`: `plain` (SASL PLAIN
 * over TLS), `changed` (the same with another password), `scram`
 * (SCRAM over TLS), `mutual` (asks for certificates), `clear` (SCRAM without TLS). Who comes by the clear-text port of `brokers` may do everything.
 */
export async function startKafkaWithDoors(authority: Authority): Promise<KafkaServer> {
  const { username, password } = kafkaUser;
  const byPlain = (proof: string) => ({
    'sasl.enabled.mechanisms': 'PLAIN',
    'plain.sasl.jaas.config': `${jaas}.plain.PlainLoginModule required user_${username}="${proof}";`,
  });
  const scram = `${jaas}.scram.ScramLoginModule required;`;
  const store = await storeOf(await authority.issue());
  const tls = {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': store,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': authority.ca,
  };
  const byScram = {
    'sasl.enabled.mechanisms': scrams.join(),
    ...Object.fromEntries(scrams.map((name) => [`${name.toLowerCase()}.sasl.jaas.config`, scram])),
  };
  const listeners: KafkaListener[] = [
    { name: 'plain', protocol: 'SASL_SSL', settings: { ...tls, ...byPlain(password) } },
    { name: 'changed', protocol: 'SASL_SSL', settings: { ...tls, ...byPlain('another one') } },
    { name: 'scram', protocol: 'SASL_SSL', settings: { ...tls, ...byScram } },
    { name: 'mutual', protocol: 'SSL', settings: { ...tls, 'ssl.client.auth': 'required' } },
    { name: 'clear', protocol: 'SASL_PLAINTEXT', settings: byScram },
  ];
  return startKafka({
    listeners,
    users: scrams.map((name) => `${name}=[name=${username},password=${password}]`),
    settings: {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
    },
  });
}

/** A key and its certificate in one file, as Kafka takes them. */
async function storeOf({ cert, key }: Certificate): Promise<string> {
  const path = `${cert}.store`;
  await writeFile(path, Buffer.concat([await readFile(key), await readFile(cert)]));
  return path;
}

/** What docs/operations.md tells an operator to allow, for names that begin with `prefix`. */
export async function allowSkylark(server: KafkaServer, prefix: string): Promise<void> {
  const { AclOperationTypes: may, AclResourceTypes: what } = kafkajs;
  const admin = new kafkajs.Kafka({ brokers: [server.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const rules = [
    [what.TOPIC, [may.CREATE, may.DESCRIBE, may.READ, may.WRITE]],
    [what.GROUP, [may.READ, may.DELETE]],
  ] as const;
  const acl = [`User:${kafkaUser.username}`, 'User:CN=process'].flatMap((principal) =>
    rules.flatMap(([resourceType, operations]) =>
      operations.map((operation) => ({
        principal,
        resourceType,
        operation,
        resourceName: prefix,
        resourcePatternType: kafkajs.ResourcePatternTypes.PREFIXED,
        permissionType: kafkajs.AclPermissionTypes.ALLOW,
        host: '*',
      })),
    ),
  );
  await admin.createAcls({ acl });
  await admin.disconnect();
}
