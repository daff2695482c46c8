import { ConnectionQuota, RateLimit, openCounters, type Clock, type Log, type Metrics } from '@app/runtime';
import type { GatewayConfig } from './gateway.config.js';

/** The limits that all gateways count together where Redis is the registry, on a connection of their own. */
export function openLimits(config: GatewayConfig, ground: { clock: Clock; log: Log; metrics: Metrics }) {
  const { clock, metrics } = ground;
  const shared = openCounters(config, ground);
  const counted = { clock, metrics, shared };
  const rate = new RateLimit({ name: 'connects_ip', perSecond: config.maxConnectsPerIp, ...counted });
  const ofAddresses = new ConnectionQuota({ name: 'connections_ip', max: config.maxConnectionsPerIp, ...counted });
  const ofUsers = new ConnectionQuota({ name: 'connections_user', max: config.maxConnectionsPerUser, ...counted });
  return {
    rate,
    ofAddresses,
    ofUsers,
    close: async () => {
      ofAddresses.close();
      ofUsers.close();
      await shared?.close();
    },
  };
}
