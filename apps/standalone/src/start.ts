import { createBus, createDeadLetterLog, type BusOptions } from '@app/bus';
import { createMemoryHistory } from '@app/history';
import { createMemoryRegistry } from '@app/registry';
import { Metrics, Readiness, createLog, type Log, type Running } from '@app/runtime';
import { startGateway, type RunningGateway } from '../../gateway/src/start.js';
import { startJob } from '../../job/src/start.js';
import { startLogic, type RunningLogic } from '../../logic/src/start.js';
import type { StandaloneConfig } from './standalone.config.js';

export interface RunningStandalone extends Running {
  gateway: RunningGateway;
  logic: RunningLogic;
}

/**
 * Starts the three apps in this process. In memory they share one bus, registry and history; between them lies loopback
 * TCP, so that a push goes the same way as between machines. Health and metrics of all are on logic's port.
 * @throws ListenError
 */
export async function startStandalone(
  config: StandaloneConfig,
  log: Log = createLog(config.logic.logLevel),
): Promise<RunningStandalone> {
  const metrics = new Metrics().collectProcess();
  const embedded = sharedBus(config, log, metrics);
  await embedded?.bus.open();
  const shared = {
    metrics,
    readiness: new Readiness(),
    ...embedded,
    ...(config.logic.registry === 'memory' && {
      registry: createMemoryRegistry(),
      history: createMemoryHistory(config.job.policies),
    }),
  };
  const started: Running[] = [];
  const close = async () => {
    for (const app of started) await app.close();
    await embedded?.bus.close();
  };
  try {
    // Ended in this order too: no more pushes, then what is under way, then the clients.
    const logic = await startLogic({
      config: config.logic,
      log: log.child({ app: 'logic' }),
      rpcHost: '127.0.0.1',
      ...shared,
    });
    started.push(logic);
    started.push(await startJob({ config: config.job, log: log.child({ app: 'job' }), listenHttp: false, ...shared }));
    const gateway = await startGateway({
      config: config.gateway,
      log: log.child({ app: 'gateway' }),
      listenHttp: false,
      ...shared,
    });
    started.push(gateway);
    return { gateway, logic, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Undefined when the bus lies outside. */
function sharedBus({ logic }: StandaloneConfig, log: Log, metrics: Metrics) {
  if (logic.bus !== 'embedded') return undefined;
  const { shards, embeddedBusBytes: maxBytes, embeddedDeadBytes: deadLetterBytes } = logic;
  const options: BusOptions = { backend: 'embedded', shards, maxBytes, deadLetterBytes, log, metrics };
  return { bus: createBus(options), deadLetters: createDeadLetterLog(options) };
}
