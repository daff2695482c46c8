import type { Clock, Log, Metrics } from '@app/runtime';
import { keysOfList } from './api-key.js';
import { KeyFile } from './key-file.js';
import { KeyRing } from './key-ring.js';

/** The keys that the settings name, followed as their file changes until closed. @throws ConfigError for a bad file */
export async function openKeys(
  { apiKeys, apiKeysFile }: { apiKeys: readonly string[]; apiKeysFile: string | undefined },
  { clock, log, metrics }: { clock: Clock; log: Log; metrics: Metrics },
): Promise<{ ring: KeyRing; close: () => Promise<void> }> {
  const ring = new KeyRing(keysOfList(apiKeys), apiKeysFile !== undefined, clock);
  const size = metrics.gauge('skylark_api_keys', 'Keys of REST that are in force or expired');
  size.set(ring.size);
  if (apiKeysFile === undefined) return { ring, close: async () => {} };
  const file = new KeyFile(
    apiKeysFile,
    (keys) => {
      ring.replace(keys);
      size.set(ring.size);
    },
    clock,
    log,
    metrics,
  );
  await file.open();
  return { ring, close: () => file.close() };
}
