/** Labels of a client: what it connects with, `k:v`. */
export type Labels = Readonly<Record<string, string>>;

/** For whom of its channels' members a push is. */
export interface Audience {
  /** Place in `expressions`. */
  match?: number;
  excludedUsers?: readonly string[];
  /** By user: only these devices. */
  devices?: ReadonlyMap<string, readonly string[]>;
}

export interface Person {
  user: string;
  device: string | undefined;
  labels: Labels;
}

/** Expressions of labels and what they mean, written down twice so that one checks the other. */
export const expressions: readonly { text: string; holds: (labels: Labels) => boolean }[] = [
  { text: 'p=ios', holds: ({ p }) => p === 'ios' },
  { text: '!beta', holds: ({ beta }) => beta === undefined },
  { text: 'p=web & beta', holds: ({ p, beta }) => p === 'web' && beta !== undefined },
  { text: 'p=ios | p=web', holds: ({ p }) => p === 'ios' || p === 'web' },
  { text: '!(p=ios | beta)', holds: ({ p, beta }) => p !== 'ios' && beta === undefined },
  { text: 'vip', holds: ({ vip }) => vip !== undefined },
  { text: 'p=web & !vip', holds: ({ p, vip }) => p === 'web' && vip === undefined },
];

/** The first so many ask for what a client keeps for good; `vip` is given and taken by REST, for as long as a connection lasts. */
export const lastingExpressions = 5;

/** The labels that the n-th client has. */
export function labelsOf(n: number): Labels {
  return { p: ['ios', 'web', 'android'][n % 3]!, ...(n % 4 === 0 && { beta: '1' }) };
}

/** Whether a member of its channel should get it. */
export function isFor({ match, excludedUsers, devices }: Audience, { user, device, labels }: Person): boolean {
  if (match !== undefined && !expressions[match]!.holds(labels)) return false;
  if (excludedUsers?.includes(user)) return false;
  const wanted = devices?.get(user);
  return wanted === undefined || (device !== undefined && wanted.includes(device));
}
