import { CodedError, badName, normalName, userChannel } from '@app/protocol';
import type { Target } from '@app/protocol/wires';
import { rule } from '../rest/rules.js';

/** A device of a user, as a push names it. */
export interface DeviceTarget {
  user: string;
  device: string;
}

/** One Target is one item on the bus, which must stay small. */
const devicesOfUserAtMost = 100;

/** A list of at least one `{user, device}`. Judged in one go: there may be ten thousand. */
export function AreDevices(): PropertyDecorator {
  const areObjects = rule('invalid_body', (value) => {
    if (!Array.isArray(value) || value.length === 0) return 'must be a list of at least one {user, device}';
    const odd = value.findIndex((item) => !isPair(item));
    return odd < 0 ? undefined : `item ${odd} must be {user, device}, both strings`;
  });
  const areKnown = rule('unknown_field', (value) => {
    const odd = pairsOf(value).findIndex((item) => Object.keys(item).length > 2);
    return odd < 0 ? undefined : `item ${odd} takes user and device only`;
  });
  const areNamed = rule('bad_name', (value) => {
    const odd = pairsOf(value).findIndex(({ user, device }) => !normalName(user) || !normalName(device));
    return odd < 0 ? undefined : `item ${odd} has a user or device that is no name: ${badName}`;
  });
  return (target, property) => {
    for (const decorate of [areObjects, areKnown, areNamed]) decorate(target, property);
  };
}

/**
 * One Target a user, with the user's devices; for lists that {@link AreDevices} has seen.
 * @throws CodedError too_many_targets
 */
export function deviceTargets(pairs: readonly DeviceTarget[]): Target[] {
  const users = new Map<string, Set<string>>();
  for (const pair of pairs) {
    const [user, device] = [normalName(pair.user)!, normalName(pair.device)!];
    const devices = users.get(user);
    if (devices) devices.add(device);
    else users.set(user, new Set([device]));
  }
  return [...users].map(([user, devices]) => {
    if (devices.size > devicesOfUserAtMost) {
      const detail = `${devices.size} devices of ${user}; ${devicesOfUserAtMost} of one user is the most in one call.`;
      throw new CodedError('too_many_targets', detail);
    }
    return { channel: userChannel(user), devices: [...devices] };
  });
}

const pairsOf = (value: unknown): DeviceTarget[] => (Array.isArray(value) ? value.filter(isPair) : []);

function isPair(value: unknown): value is DeviceTarget {
  if (typeof value !== 'object' || value === null) return false;
  const { user, device } = value as Partial<DeviceTarget>;
  return typeof user === 'string' && typeof device === 'string';
}
