import { accept } from './rows/accept.js';
import { chain, way } from './rows/chain.js';
import { churn } from './rows/churn.js';
import { dispatch } from './rows/dispatch.js';
import { growth } from './rows/growth.js';
import { latency } from './rows/latency.js';
import { manyRooms } from './rows/many-rooms.js';
import { memory } from './rows/memory.js';
import { micro } from './rows/micro.js';
import { million } from './rows/million.js';
import { oneRoom } from './rows/one-room.js';
import { paced } from './rows/paced.js';
import { ping } from './rows/ping.js';
import { rest } from './rows/rest.js';
import type { Bench } from './support/bench.js';

/** All benches by name, in the order in which they are run. */
export const catalogue: Readonly<Record<string, Bench>> = {
  micro,
  'one-room': oneRoom,
  'many-rooms': manyRooms,
  ping,
  dispatch,
  rest,
  latency,
  way,
  chain,
  memory,
  accept,
  growth,
  paced,
  million,
  churn,
};
