/** Logic, job and some gateways in one process, in memory; talking over loopback as processes do. */
import { startCluster } from '../../test/support/cluster.js';

/** What the process says when it is ready. */
export interface ClusterListening {
  restUrl: string;
  clientPorts: number[];
}

async function main(): Promise<void> {
  const { restUrls, clientUrls } = await startCluster({
    gateways: Number(process.argv[2]),
    env: { TIMEOUT_MS: '1h', LOG_LEVEL: 'warn' }, // the load clients do not ping
  });
  process.send?.({ restUrl: restUrls[0]!, clientPorts: clientUrls.map((url) => Number(new URL(url).port)) });
}

void main();
