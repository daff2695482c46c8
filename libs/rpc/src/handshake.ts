import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Named in every challenge, so that a peer of another version is told apart from a stranger. */
export const handshakeVersion = 'skylark-rpc-1';
export const nonceBytes = 32;

export const newNonce = (): Buffer => randomBytes(nonceBytes);

/**
 * What proves that one end knows the secret: HMAC-SHA256 over its role and both nonces. The role keeps a proof from being
 * sent back to its maker as the other end's, `binding` from being passed on over another connection.
 */
export const proofOf = (
  secret: string,
  role: 'client' | 'server',
  serverNonce: Buffer,
  clientNonce: Buffer,
  binding: Buffer = Buffer.alloc(0),
): Buffer => createHmac('sha256', secret).update(role).update(serverNonce).update(clientNonce).update(binding).digest();

export const isProof = (given: Buffer, wanted: Buffer): boolean =>
  given.length === wanted.length && timingSafeEqual(given, wanted);
