/**
 * `<node>~<incarnation>~<serial>`: a push, kick or join aimed at a connection needs no look-up. Node ids hold no `~`.
 */
export interface ConnectionId {
  node: string;
  /** This life of the node; rises at each start. */
  incarnation: number;
  /** Counts the connections of this life. */
  serial: number;
}

export const formatConnectionId = (id: ConnectionId): string =>
  `${id.node}~${id.incarnation.toString(36)}~${id.serial.toString(36)}`;

/** Of ASCII only: an id travels as it was given, and what is no UTF-8 (a half of a pair) would spoil the record that names it. */
const pattern = /^([A-Za-z0-9._-]{1,64})~([0-9a-z]{1,10})~([0-9a-z]{1,11})$/;

/** Undefined for what is no connection id. */
export function parseConnectionId(text: string): ConnectionId | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  return { node: match[1]!, incarnation: parseInt(match[2]!, 36), serial: parseInt(match[3]!, 36) };
}
