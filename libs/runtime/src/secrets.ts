/**
 * The secrets of a comma list, so that they can be changed while processes run: the first is used, all are believed. At
 * least one, which is empty when none is set.
 */
export function secretsOf(list: string): readonly [string, ...string[]] {
  const [first = '', ...others] = list.split(',').flatMap((secret) => secret.trim() || []);
  return [first, ...others];
}
