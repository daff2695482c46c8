import { badName, CodedError, isPacketType, Limits, normalName, type Labels } from '@app/protocol';
import type { ChannelTable } from '../room/channel-table.js';
import { fieldsOf, type Handler } from './handler.js';

/**
 * 105: `{"set":{"platform":"ios"},"unset":["beta"],"types":[1000]}`, each left out when it stays. `types: null` means all
 * again. All of it is done or, when anything is wrong, nothing.
 */
export const label =
  (channels: ChannelTable): Handler =>
  (session, packet, reply) => {
    const { set, unset, types } = fieldsOf(packet);
    const labels = labelsAfter(session.labels, set, unset);
    const wanted = types === undefined ? session.types : typesOf(types);
    channels.alter(session, () => {
      session.labels = labels;
      session.types = wanted;
    });
    reply({});
  };

/** @throws CodedError when anything is wrong */
export function labelsAfter(before: Labels | null, set: unknown, unset: unknown): Labels | null {
  const labels = new Map(Object.entries(before ?? {}));
  if (unset !== undefined) {
    if (!Array.isArray(unset)) throw new CodedError('invalid_body', 'unset: a list of labels');
    for (const key of unset) labels.delete(keyOf(key));
  }
  if (set !== undefined) {
    if (typeof set !== 'object' || set === null || Array.isArray(set)) {
      throw new CodedError('invalid_body', 'set: an object of labels and their values');
    }
    for (const [key, value] of Object.entries(set)) labels.set(keyOf(key), valueOf(value));
  }
  if (labels.size > Limits.labelsPerConnection) {
    throw new CodedError('too_many_targets', `a connection has at most ${Limits.labelsPerConnection} labels`);
  }
  if (labels.size === 0) return null;
  // Without a prototype, so that a label called `constructor` is one only where it was set.
  return Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(labels));
}

function keyOf(value: unknown): string {
  const key = normalName(value);
  if (key === undefined || key.includes(':')) throw new CodedError('bad_name', `labels: ${badName}, and no colon`);
  return key;
}

function valueOf(value: unknown): string {
  const name = value === '' ? '' : normalName(value);
  if (name === undefined) throw new CodedError('bad_name', `values of labels: text; ${badName}`);
  return name;
}

function typesOf(value: unknown): readonly number[] | null {
  if (value === null) return null;
  if (!Array.isArray(value) || !value.every(isPacketType)) {
    throw new CodedError('invalid_body', 'types: a list of ints, or null for all');
  }
  if (value.length > Limits.typesPerConnection) {
    throw new CodedError('too_many_targets', `a connection names at most ${Limits.typesPerConnection} types`);
  }
  return [...new Set<number>(value)];
}
