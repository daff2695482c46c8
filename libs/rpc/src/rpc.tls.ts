import { TLSSocket, type ConnectionOptions, type Server, type TlsOptions } from 'node:tls';
import type { Socket } from 'node:net';
import type { Log, TlsFiles } from '@app/runtime';

/** TLS between processes: both ends show a certificate of the same authority, and speak nothing else. */
export interface RpcTls {
  files: TlsFiles;
  /** Name that every certificate carries; undefined: the address at which the process is reached. */
  name?: string | undefined;
}

const strict = { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' } as const;

/** What a connection that is made now is to be made with. */
export function clientTls({ files, name }: RpcTls, log: Log): ConnectionOptions {
  const { context } = files.now(tellOf(log));
  return { ...strict, secureContext: context, ...(name !== undefined && { servername: name }) };
}

export const serverTls = ({ files }: RpcTls, handshakeTimeout: number): TlsOptions => ({
  ...files.now().material,
  ...strict,
  handshakeTimeout,
});

/** Newcomers of the server are shown the certificate of now. */
export function followTls(server: Server, { files }: RpcTls, log: Log): void {
  let shown = files.now().material;
  server.prependListener('connection', () => {
    const { material } = files.now(tellOf(log));
    if (material === shown) return;
    shown = material;
    server.setSecureContext({ ...material, minVersion: strict.minVersion });
    log.info({}, 'certificates of RPC read again');
  });
}

/**
 * What only the two ends of one TLS connection know (RFC 9266): a proof with it is worth nothing to whoever passes it on
 * over another. Empty without TLS.
 */
export const bindingOf = (socket: Socket): Buffer =>
  socket instanceof TLSSocket ? socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)) : none;

const none = Buffer.alloc(0);

const tellOf = (log: Log) => (why: string) => log.error({ why }, 'certificates of RPC not read again');
