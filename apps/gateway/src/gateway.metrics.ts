import type { Metrics } from '@app/runtime';
import type { ChannelTable } from './room/channel-table.js';
import type { SessionTable } from './session/session-table.js';

/** What this gateway holds, looked at when somebody asks. What happens in a room is counted there. */
export function gatewayMetrics(metrics: Metrics, sessions: SessionTable, channels: ChannelTable): void {
  const connections = metrics.gauge('skylark_gateway_connections', 'Connections at this gateway now');
  const present = metrics.gauge('skylark_gateway_channels', 'Channels with members at this gateway now');
  Object.assign(connections, { collect: () => connections.set(sessions.size) });
  Object.assign(present, { collect: () => present.set(channels.size) });
}
