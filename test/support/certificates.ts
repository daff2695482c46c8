import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PEM files of one certificate. */
export interface Certificate {
  ca: string;
  cert: string;
  key: string;
}

/** What is in them. */
export const pem = ({ ca, cert, key }: Certificate) => ({
  ca: readFileSync(ca),
  cert: readFileSync(cert),
  key: readFileSync(key),
});

/** An authority of a test's own, in a folder of its own, made with openssl. */
export class Authority implements AsyncDisposable {
  private made = 0;

  private constructor(readonly folder: string) {}

  static async create(): Promise<Authority> {
    const authority = new Authority(await mkdtemp(join(tmpdir(), 'skylark-ca-')));
    await authority.openssl(
      'req',
      '-x509',
      ...newKey('ca.key'),
      '-subj',
      '/CN=authority',
      '-days',
      '2',
      '-out',
      'ca.pem',
    );
    return authority;
  }

  get ca(): string {
    return join(this.folder, 'ca.pem');
  }

  /** A certificate for `names` (as openssl writes them: `IP:127.0.0.1`, `DNS:skylark`), for both ends of a wire. */
  async issue(names = 'IP:127.0.0.1,DNS:localhost'): Promise<Certificate> {
    this.made += 1;
    const [key, request, cert, about] = ['key', 'csr', 'pem', 'ext'].map((end) => `${this.made}.${end}`) as [
      string,
      string,
      string,
      string,
    ];
    await writeFile(join(this.folder, about), `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`);
    await this.openssl('req', ...newKey(key), '-subj', '/CN=process', '-out', request);
    const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', about];
    await this.openssl('x509', '-req', '-in', request, ...signer, '-days', '2', '-out', cert);
    return { ca: this.ca, cert: join(this.folder, cert), key: join(this.folder, key) };
  }

  /** Both in one file of the kind that Java reads. @returns its path */
  async keyStore({ cert, key }: Certificate, password: string): Promise<string> {
    const store = `${cert}.p12`;
    const pair = ['-in', cert, '-inkey', key, '-certfile', this.ca];
    await this.openssl('pkcs12', '-export', ...pair, '-out', store, '-passout', `pass:${password}`);
    return store;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  private async openssl(...args: string[]): Promise<void> {
    await run('openssl', args, { cwd: this.folder });
  }
}

/** Elliptic curves are made in no time. */
const newKey = (path: string) => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path];
