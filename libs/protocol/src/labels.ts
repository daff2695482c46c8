import { Limits } from './limits.js';
import { normalName } from './name.js';

/** What a connection says of itself: `platform` → `ios`; a label without value has the empty string. */
export type Labels = Readonly<Record<string, string>>;

/** Reads `k:v,k2,k3:v:with:colons`; each item splits at its first colon. Undefined when one is not well named. */
export function parseLabels(text: string): Labels | undefined {
  const labels: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const item of text.split(',')) {
    const colon = item.indexOf(':');
    const key = normalName(colon < 0 ? item : item.slice(0, colon));
    const value = colon < 0 ? '' : item.slice(colon + 1);
    if (key === undefined || key.includes(':') || (value !== '' && normalName(value) === undefined)) return undefined;
    labels[key] = value.normalize('NFC');
  }
  return Object.keys(labels).length > Limits.labelsPerConnection ? undefined : labels;
}
