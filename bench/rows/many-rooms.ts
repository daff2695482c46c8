/** 5,000 clients, each in 10 of 500 rooms, and more or fewer rooms get a message in one tick: frames per write is what counts. */
import { type Bench } from '../support/bench.js';
import { besideNaive } from '../support/beside.js';

const rooms = 500;

/** So many rooms a tick, going round. */
function some(perTick: number): () => number[] {
  let from = 0;
  return () => Array.from({ length: perTick }, () => from++ % rooms);
}

export const manyRooms: Bench = {
  what: '5,000 clients, each in 10 of 500 rooms, 1 and 10 frames per write, beside naive ws',
  run: ({ quick, ...size }) => {
    const ticks = [
      // Consecutive rooms are those of different clients.
      { name: 'many_rooms_1_per_write', perTick: 1, rooms: some(rooms / 10) },
      { name: 'many_rooms_10_per_write', perTick: 1, rooms: some(rooms) },
    ];
    return besideNaive(quick ? 500 : 5_000, ticks, size, { layout: { rooms, roomsEach: 10 } });
  },
};
