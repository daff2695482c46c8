import { count } from '@app/rpc';
import type { Gateways } from '../node/gateways.js';
import type { CheckedPush } from './checked-push.js';
import type { Reach } from './push.dto.js';

/** Whom a push would reach now: every gateway is asked, and nothing is sent. */
export class DryRun {
  constructor(private readonly gateways: Gateways) {}

  /** @throws CodedError timeout when a gateway or the registry does not answer */
  async reach({ app, targets, body }: CheckedPush): Promise<Reach> {
    const { type, excludeUsers, excludeConnections, match } = body;
    const question = { app, targets, type, excludeUsers, excludeConnections, match };
    const gateways = await this.gateways.list();
    const answers = await Promise.all(gateways.map((node) => this.gateways.ask(node, count, question)));
    return {
      connections: answers.reduce((sum, { connections }) => sum + connections, 0),
      nodes: answers.filter(({ connections }) => connections > 0).length,
    };
  }
}
