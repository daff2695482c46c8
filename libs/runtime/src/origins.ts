/** Any page, or those of these origins. */
export type Origins = 'any' | ReadonlySet<string>;

/**
 * Reads a comma list of origins like `https://app.example.com`; `*`: any.
 * @throws Error whose message completes "NAME …"
 */
export function parseOrigins(text: string): Origins {
  const list = text.split(',').flatMap((item) => item.trim() || []);
  if (list.includes('*')) return 'any';
  for (const item of list) {
    const isOrigin = URL.canParse(item) && new URL(item).origin === item.toLowerCase();
    if (!isOrigin) throw new Error(`must list origins like https://app.example.com; "${item}" is not one`);
  }
  return new Set(list.map((item) => item.toLowerCase()));
}
