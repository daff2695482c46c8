/** Limits of the protocol that both ends know; those that a deployment may change are settings of the apps. */
export const Limits = {
  nameBytes: 128,
  targetsPerPush: 10_000,
  payloadBytes: 65_536,
  roomsPerConnection: 100,
  labelsPerConnection: 20,
  /** Characters of a token, wherever it stands. */
  tokenChars: 8_192,
  /** Patterns in a token's `rooms`. */
  roomPatterns: 100,
  typesPerConnection: 100,
  /** Malformed frames of a client; the last of them closes it with 4400. */
  malformedFrames: 3,
} as const;
