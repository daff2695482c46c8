import type { Body, Target } from '@app/protocol/wires';
import type { TargetKind } from './targets.js';

/** A push that may go to the bus. */
export interface CheckedPush {
  kind: TargetKind;
  app: string;
  targets: Target[];
  /** Connections that it names by what is no id. */
  unreachable: number;
  body: Body;
  /** Milliseconds from its acceptance; undefined = for ever. */
  ttlMs: number | undefined;
  retain: boolean;
  speed: number;
}

/** A push with a key: its id is the key's, and the fingerprint tells it from other pushes with the same key. */
export interface KeyedPush extends CheckedPush {
  fingerprint: string;
}

/** Absolute; 0 = never. */
export const expiryOf = (acceptedAtMs: number, ttlMs: number | undefined): number =>
  ttlMs === undefined ? 0 : acceptedAtMs + ttlMs;
