/** Which connection a device of a user has: the one that was admitted last, wherever and in whatever order they arrive. */
export abstract class DeviceDirectory {
  /** A rising number for (user, device), drawn at admission. */
  abstract nextSeq(app: string, user: string, device: string): Promise<number>;

  /**
   * Claims the device for a connection. The holder with the higher `connSeq` wins.
   * @returns the connection that held it before and must be closed (undefined when none), or `'lost'` when a later one holds it.
   */
  abstract claim(
    app: string,
    user: string,
    device: string,
    connSeq: number,
    connectionId: string,
  ): Promise<{ replaced: string | undefined } | 'lost'>;

  /** Lets go of the device if this connection still holds it. */
  abstract release(app: string, user: string, device: string, connectionId: string): Promise<void>;
}
