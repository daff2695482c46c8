/**
 * One room, and everybody in it gets everything: Skylark's gateway against a naive `ws` server and socket.io's rooms. All get the same batches by
 * the same RPC, and a tick is over when the last client has its last message.
 */
import { type Bench, type Figures } from '../support/bench.js';
import { besideNaive } from '../support/beside.js';

export const oneRoom: Bench = {
  what: 'one room, 1,000 and 10,000 clients, 1 and 16 messages of 100 B per tick, beside naive ws and socket.io',
  async run({ quick, ...size }) {
    const figures: Figures = {};
    for (const clients of quick ? [100, 1_000] : [1_000, 10_000]) {
      // At 10,000 it took 40 % more for each delivery; all benches together have twenty minutes.
      const withSocketIo = clients === 1_000 && !quick;
      const ticks = [1, 16].map((perTick) => ({ name: `one_room_${clients}_clients_${perTick}_per_tick`, perTick }));
      Object.assign(figures, await besideNaive(clients, ticks, size, { withSocketIo }));
    }
    return figures;
  },
};
