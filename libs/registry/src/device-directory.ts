/**
 * Which connection a device of a user has: the one that was admitted last, wherever and in whatever order they arrive.
 * A claim stands until it is let go of, so that whoever claims next hears of connections that nobody has closed yet.
 */
export abstract class DeviceDirectory {
  /** Drawn at admission: higher than all before it, also than those that a registry which was emptied has forgotten. */
  abstract nextSeq(app: string, user: string, device: string): Promise<number>;

  /**
   * Claims the device for a connection; claiming again is right. The claim with the highest `connSeq` wins.
   * @returns the connections with lower numbers that have not let go, which must be closed; or `'lost'` when a later one
   * holds the device, and then nothing was claimed.
   */
  abstract claim(
    app: string,
    user: string,
    device: string,
    connSeq: number,
    connectionId: string,
  ): Promise<{ replaced: string[] } | 'lost'>;

  /** Lets go of the device for a connection that is gone. */
  abstract release(app: string, user: string, device: string, connectionId: string): Promise<void>;
}
