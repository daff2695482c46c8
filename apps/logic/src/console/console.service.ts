import { CodedError } from '@app/protocol';
import type { LogicConfig } from '../logic.config.js';
import type { NodeService } from '../node/node.service.js';
import { consoleFiles, type ConsoleFile } from './console.files.js';

/** What the page needs to know of the server it comes from. Nothing in it is a secret: any client knows as much. */
export interface ConsoleSettings {
  authMode: 'open' | 'jwt';
  needsKey: boolean;
  /** Whether `/docs` is there. */
  docs: boolean;
  /** What `/v1/push/…` there is. */
  targets: string[];
  gateways: { id: string; address: string }[];
}

const pushTargets = ['all', 'rooms', 'users', 'devices', 'connections', 'labels'];

/** The page for people: what it is made of, and what it may do. */
export class ConsoleService {
  constructor(
    private readonly config: Pick<LogicConfig, 'authMode' | 'needsKey' | 'swagger'>,
    private readonly nodes: Pick<NodeService, 'best'>,
    private readonly hasRoute: (method: 'POST', path: string) => boolean,
  ) {}

  async settings(): Promise<ConsoleSettings> {
    const { authMode, needsKey, swagger } = this.config;
    return {
      authMode,
      needsKey,
      docs: swagger,
      targets: pushTargets.filter((target) => this.hasRoute('POST', `/v1/push/${target}`)),
      gateways: await this.gateways(),
    };
  }

  /** The page's Content-Security-Policy: our own files, this server, and the gateways that there are now. */
  async policy(): Promise<string> {
    const gateways = (await this.gateways()).map(({ address }) => sourceOf(address));
    return [
      `default-src 'none'`,
      `script-src 'self'`,
      `style-src 'self'`,
      `img-src 'self'`,
      `connect-src ${["'self'", ...new Set(gateways)].join(' ')}`,
      `base-uri 'none'`,
      `form-action 'none'`,
      `frame-ancestors 'none'`,
      `require-trusted-types-for 'script'`, // no string becomes markup or code, even by a mistake of ours
      `trusted-types 'none'`,
    ].join('; ');
  }

  /** @throws CodedError not_found */
  file(name: string): ConsoleFile {
    const found = consoleFiles.get(name);
    if (found === undefined) throw new CodedError('not_found', `There is no /console/${name.slice(0, 64)}.`);
    return found;
  }

  /** None while the registry does not answer: the page then says what to do. */
  private async gateways(): Promise<ConsoleSettings['gateways']> {
    try {
      const { nodes } = await this.nodes.best({});
      return nodes.filter(({ address }) => isWebSocket(address)).map(({ id, address }) => ({ id, address }));
    } catch (error) {
      if (error instanceof CodedError) return [];
      throw error;
    }
  }
}

const isWebSocket = (address: string): boolean => URL.canParse(address) && /^wss?:$/.test(new URL(address).protocol);

/** Policies cannot name IPv6 addresses (CSP level 3, §2.3.1 host-source), so one of those allows its whole scheme. */
function sourceOf(address: string): string {
  const { protocol, hostname, origin } = new URL(address);
  return hostname.startsWith('[') ? protocol : origin;
}
