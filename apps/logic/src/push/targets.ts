import { allChannel, connectionChannel, roomChannel, userChannel } from '@app/protocol';
import type { Target } from '@app/protocol/wires';
import { namesOf } from '../rest/rules.js';
import { deviceTargets } from './device-targets.js';
import type { Message } from './message.dto.js';
import {
  PushToAllBody,
  PushToConnectionsBody,
  PushToDevicesBody,
  PushToLabelsBody,
  PushToRoomsBody,
  PushToUsersBody,
} from './push.dto.js';

/** Where a push goes, in the words of the routes. */
export type TargetKind = 'all' | 'rooms' | 'users' | 'devices' | 'connections' | 'labels';

/** A route's body and the channels that it names. */
export interface PushRoute<B extends Message = Message> {
  body: new () => B;
  targets: (this: void, body: B) => Target[];
}

const everybody: Target = { channel: allChannel, devices: [] };
const channel = (name: string): Target => ({ channel: name, devices: [] });
const route = <B extends Message>(body: new () => B, targets: (body: B) => Target[]): PushRoute<B> => ({
  body,
  targets,
});

/** Each kind of target once: for its own route, and for the items of a batch. */
export const pushRoutes = {
  all: route(PushToAllBody, () => [everybody]),
  rooms: route(PushToRoomsBody, ({ rooms }) => namesOf(rooms).map((room) => channel(roomChannel(room)))),
  users: route(PushToUsersBody, ({ users, device }) => {
    const devices = device === undefined ? [] : namesOf([device]);
    return namesOf(users).map((user) => ({ channel: userChannel(user), devices }));
  }),
  devices: route(PushToDevicesBody, ({ targets }) => deviceTargets(targets)),
  connections: route(PushToConnectionsBody, ({ connections }) =>
    connections.map((id) => channel(connectionChannel(id))),
  ),
  labels: route(PushToLabelsBody, () => [everybody]),
} satisfies Record<TargetKind, unknown>;
