import type { Clients } from '../../support/clients.js';
import type { Name } from './people.js';

/** Who gets a push, and what: its own name, or a variant. */
export type Gets = Partial<Record<Name, string>>;

export interface Case {
  target: Parameters<Clients['push']>[0];
  /** Without `data`, which is the case's name. */
  message: Record<string, unknown>;
  /** The channels it arrives in, as a client sees them. */
  channels: readonly string[];
  gets: Gets;
  /** Never kept: only who is reached live gets it. */
  isUnkept: boolean;
  /** Excluded by their connection: as another connection they get it too. */
  returning: readonly Name[];
}

/**
 * Every target with every filter that it takes, by name.
 * @param ids connection ids of everybody.
 */
export function casesFor(ids: Readonly<Record<Name, string>>): Record<string, Case> {
  const cases: Record<string, Case> = {};
  const add = (
    target: Case['target'],
    channels: string | readonly string[],
    name: string,
    message: Record<string, unknown>,
    gets: string | Gets,
    more: { returning?: Name } = {},
  ) => {
    const key = `${target}: ${name}`;
    cases[key] = {
      target,
      message: { type: 3, ...message },
      channels: typeof channels === 'string' ? [channels] : channels,
      gets: typeof gets === 'string' ? all(gets, key) : withName(gets, key),
      isUnkept: target === 'connections' || message.retain === false,
      returning: more.returning ? [more.returning] : [],
    };
  };
  const variants = [
    { match: 'lang=fr', data: 'fr' },
    { match: 'p=web', text: 'web' },
  ];
  const byVariant: Gets = { phone: 'fr', tab: 'web', bob: '', guest: 'web', eve: 'fr' };
  const excludes = (name: Name) => ({ exclude: { connections: [ids[name]] } });

  add('all', 'all', 'everybody', {}, 'phone tab bob guest eve');
  add('all', 'all', 'match', { match: 'p=ios' }, 'phone bob eve');
  add('all', 'all', 'match by what one has not', { match: '!p=ios' }, 'tab guest');
  add('all', 'all', 'match nobody', { match: 'p=tv' }, '');
  add('all', 'all', 'variants', { variants }, byVariant);
  add('all', 'all', 'variants of those who match', { variants, match: 'p=web | beta' }, { ...web, bob: '' });
  add('all', 'all', 'exclude a user', { exclude: { users: ['ann'] } }, 'bob guest eve');
  add('all', 'all', 'exclude a connection', excludes('bob'), 'phone tab guest eve', { returning: 'bob' });
  add('all', 'all', 'another type', { type: 4 }, 'phone tab bob eve');
  add('all', 'all', 'not kept', { retain: false }, 'phone tab bob guest eve');

  add('labels', 'all', 'match', { match: 'p=ios & !beta' }, 'phone eve');
  add('labels', 'all', 'variants', { match: 'lang', variants }, { phone: 'fr', eve: 'fr' });
  add('labels', 'all', 'exclude a user', { match: 'p=ios', exclude: { users: ['eve'] } }, 'phone bob');
  add('labels', 'all', 'exclude a connection', { match: 'p', ...excludes('tab') }, 'phone bob guest eve', {
    returning: 'tab',
  });
  add('labels', 'all', 'another type', { match: 'p=web', type: 4 }, 'tab');

  const r = { rooms: ['r'] };
  add('rooms', 'room:r', 'everybody', r, 'phone tab bob guest eve');
  add('rooms', ['room:r', 'room:s'], 'two', { rooms: ['r', 's', 'empty'] }, 'phone tab bob guest eve');
  add('rooms', 'room:s', 'one in it', { rooms: ['s'] }, 'bob');
  add('rooms', 'room:r', 'match', { ...r, match: 'p=web' }, 'tab guest');
  add('rooms', 'room:r', 'variants', { ...r, variants }, byVariant);
  add('rooms', 'room:r', 'exclude a user', { ...r, exclude: { users: ['bob', 'eve'] } }, 'phone tab guest');
  add('rooms', 'room:r', 'exclude a connection', { ...r, ...excludes('guest') }, 'phone tab bob eve', {
    returning: 'guest',
  });
  add('rooms', 'room:r', 'another type', { ...r, type: 4 }, 'phone tab bob eve');
  add('rooms', 'room:r', 'not kept', { ...r, retain: false }, 'phone tab bob guest eve');

  const users = { users: ['ann', 'bob', 'nobody'] };
  add('users', 'user', 'all their connections', users, 'phone tab bob');
  add('users', 'user', 'a device of each', { ...users, device: 'phone' }, 'phone bob');
  add('users', 'user', 'variants', { ...users, variants }, { phone: 'fr', tab: 'web', bob: '' });
  add('users', 'user', 'exclude a user', { ...users, exclude: { users: ['ann'] } }, 'bob');
  add('users', 'user', 'exclude a connection', { ...users, ...excludes('tab') }, 'phone bob', { returning: 'tab' });
  add('users', 'user', 'not kept', { users: ['ann', 'eve'], retain: false }, 'phone tab eve');

  const devices = { ann: ['tab', 'watch'], bob: ['phone'], eve: ['phone'] };
  const targets = Object.entries(devices).flatMap(([user, own]) => own.map((device) => ({ user, device })));
  add('devices', 'user', 'theirs', { targets }, 'tab bob');
  add('devices', 'user', 'variants', { targets, variants }, { tab: 'web', bob: '' });
  add('devices', 'user', 'exclude a user', { targets, exclude: { users: ['bob'] } }, 'tab');
  add('devices', 'user', 'exclude a connection', { targets, ...excludes('bob') }, 'tab', { returning: 'bob' });

  const connections = [ids.phone, ids.guest, ids.eve];
  add('connections', 'connection', 'theirs', { connections }, 'phone guest eve');
  add('connections', 'connection', 'variants', { connections, variants }, { phone: 'fr', guest: 'web', eve: 'fr' });
  add('connections', 'connection', 'exclude a user', { connections, exclude: { users: ['ann'] } }, 'guest eve');
  add('connections', 'connection', 'exclude a connection', { connections, ...excludes('guest') }, 'phone eve');
  add('connections', 'connection', 'another type', { connections, type: 4 }, 'phone eve');
  return cases;
}

const web: Gets = { tab: 'web', guest: 'web' };

const all = (names: string, data: string): Gets =>
  Object.fromEntries(names.split(' ').flatMap((name) => (name ? [[name, data]] : [])));

const withName = (gets: Gets, own: string): Gets =>
  Object.fromEntries(Object.entries(gets).map(([name, data]) => [name, data || own]));
