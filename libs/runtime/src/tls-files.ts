import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Env } from './env.js';

export interface TlsPaths {
  /** Whose certificates are believed; without it, those that Node.js knows. */
  ca?: string | undefined;
  /** What this end shows, and its key. */
  cert?: string | undefined;
  key?: string | undefined;
}

export interface TlsMaterial {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
}

/**
 * The certificates of one end of a wire, in PEM files that are looked at for every new connection: what has changed is
 * read again, so that certificates are renewed without a restart. What cannot be used leaves the last in force.
 */
export class TlsFiles {
  private held: { stamp: string; material: TlsMaterial; context: SecureContext };
  /** Why the files as they are now are not in use. */
  private trouble: string | undefined;

  /** @throws Error that names the file which cannot be read, or says what is wrong with the pair. */
  constructor(private readonly paths: TlsPaths) {
    this.held = this.read();
  }

  /** What is in force. `onTrouble` hears once why changed files are not. */
  now(onTrouble: (why: string) => void = () => {}): { material: TlsMaterial; context: SecureContext } {
    try {
      if (this.stamp() !== this.held.stamp) this.held = this.read();
      this.trouble = undefined;
    } catch (error) {
      const why = (error as Error).message;
      if (why !== this.trouble) onTrouble(why);
      this.trouble = why;
    }
    return this.held;
  }

  private stamp(): string {
    return this.each((path) => {
      const { mtimeNs, size, ino } = statSync(path, { bigint: true });
      return `${mtimeNs}/${size}/${ino}`;
    })
      .map(([, found]) => found)
      .join();
  }

  private read(): { stamp: string; material: TlsMaterial; context: SecureContext } {
    const stamp = this.stamp();
    const material = Object.fromEntries(this.each((path) => readFileSync(path))) as TlsMaterial;
    try {
      return { stamp, material, context: createSecureContext({ ...material, minVersion: 'TLSv1.2' }) };
    } catch (error) {
      throw new Error(`cannot be used: ${(error as Error).message}`, { cause: error });
    }
  }

  private each<T>(look: (path: string) => T): [keyof TlsPaths, T][] {
    return (['ca', 'cert', 'key'] as const).flatMap((part): [keyof TlsPaths, T][] => {
      const path = this.paths[part];
      if (path === undefined) return [];
      try {
        return [[part, look(path)]];
      } catch (error) {
        throw new Error(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
      }
    });
  }
}

/** The three settings of a wire, `<PREFIX>_CA`, `_CERT` and `_KEY`; undefined when none is set or they cannot be used. */
export function tlsFiles(env: Env, prefix: string, wire: string): TlsFiles | undefined {
  const paths = {
    ca: env.optional(`${prefix}_CA`, `${wire}: PEM file of the authorities whose certificates are believed`),
    cert: env.optional(`${prefix}_CERT`, `${wire}: PEM file of the certificate that this process shows`),
    key: env.optional(`${prefix}_KEY`, `${wire}: PEM file of its key`),
  };
  if ((paths.cert === undefined) !== (paths.key === undefined)) {
    env.refuse(`${prefix}_CERT and ${prefix}_KEY belong together: set both or neither`);
    return undefined;
  }
  if (paths.ca === undefined && paths.cert === undefined) return undefined;
  try {
    return new TlsFiles(paths);
  } catch (error) {
    env.refuse(`${prefix}_CA, ${prefix}_CERT, ${prefix}_KEY: ${(error as Error).message}`);
    return undefined;
  }
}
