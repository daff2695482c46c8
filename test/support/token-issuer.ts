import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, exportJWK, generateKeyPair, type CryptoKey, type JWK, type JWTPayload } from 'jose';

/** How the issuer answers who asks for its keys. */
export type Mood = 'well' | 'error' | 'redirect' | 'garbage' | 'silent' | 'endless';

/** An issuer of tokens that publishes its keys over HTTP on loopback. */
export class TokenIssuer {
  mood: Mood = 'well';
  /** How often the keys were asked for. */
  asked = 0;
  private readonly published = new Map<string, JWK>();
  private readonly keys = new Map<string, { key: CryptoKey; alg: string }>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<TokenIssuer> {
    const server = createServer();
    const issuer = new TokenIssuer(server);
    server.on('request', (_request, response) => {
      issuer.asked += 1;
      if (issuer.mood === 'silent') return;
      if (issuer.mood === 'error') return void response.writeHead(500).end();
      if (issuer.mood === 'redirect') return void response.writeHead(302, { location: '/elsewhere' }).end();
      if (issuer.mood === 'garbage') return void response.end('<html>');
      if (issuer.mood === 'endless') {
        const more = () => response.write('x'.repeat(65_536), (error) => !error && setImmediate(more));
        return void more();
      }
      response.end(JSON.stringify({ keys: [...issuer.published.values()] }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/jwks.json`;
  }

  /** Makes a key and publishes it. `anonymous`: without a `kid`. */
  async add(kid: string, alg = 'ES256', anonymous = false): Promise<void> {
    const pair = await generateKeyPair(alg, { extractable: true });
    this.keys.set(kid, { key: pair.privateKey, alg });
    const jwk = await exportJWK(pair.publicKey);
    this.published.set(kid, { ...jwk, ...(anonymous ? {} : { kid, alg }), use: 'sig' });
  }

  /** The published half. */
  jwk(kid: string): JWK {
    return this.published.get(kid)!;
  }

  /** No longer published; it signs all the same. */
  withdraw(kid: string): void {
    this.published.delete(kid);
  }

  sign(kid: string, claims: JWTPayload, named = true): Promise<string> {
    const { key, alg } = this.keys.get(kid)!;
    return new SignJWT(claims).setProtectedHeader({ alg, ...(named && { kid }) }).sign(key);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
