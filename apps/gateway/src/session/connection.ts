import type { Frame } from './frame.js';

/** What a session needs of a socket; transports provide it. */
export interface Connection {
  readonly remoteAddress: string;
  /** Whether frames may still be written. */
  readonly isOpen: boolean;
  /** Bytes handed over that the kernel has not taken yet. */
  readonly writableLength: number;
  /** Writes whole frames. Only while open. */
  write(frames: Frame): void;
  /** Starts the closing handshake; a peer that does not answer is cut by the transport after a while. */
  close(code: number, reason: string): void;
  /** Cuts at once. */
  terminate(): void;
}
