/** Job → gateway: our wire beside Nest's TCP `send`, in the same batches. What both ends spend is counted. */
import type { FromSender, ToSender, Wire } from '../load/sender.js';
import { type Bench, type Figures } from '../support/bench.js';
import { cpuSeconds, end, forkBench, heard } from '../support/process.js';
import { messageBytes } from '../support/receipt.js';
import { alternate, ratios, show, type Summary } from '../support/rounds.js';
import { start } from '../support/servers.js';

async function open(wire: Wire, name: string, receiverFile: string) {
  const receiver = await start<{ port: number }>(name, receiverFile);
  const sender = forkBench('bench/load/sender.ts', [wire, String(receiver.port)]);
  return {
    name,
    run: async (message: ToSender) => {
      const spent = () => cpuSeconds(receiver.pid) + cpuSeconds(sender.pid!);
      const before = spent();
      sender.send(message);
      const { messages, seconds } = await heard<FromSender>(sender, `${name}, sender`);
      return { count: messages, seconds, serverCpuSeconds: spent() - before, loadCpuSeconds: 0 };
    },
    close: () => Promise.all([end(sender), receiver.close()]),
  };
}

export const dispatch: Bench = {
  what: `job → gateway, ${messageBytes} B in batches of 1 and 100, beside Nest TCP send; both ends counted`,
  async run({ rounds, seconds }) {
    const figures: Figures = {};
    const wires = [
      await open('nest', 'nest TCP', 'bench/baselines/nest-tcp.ts'),
      await open('rpc', 'skylark RPC', 'bench/support/rpc-server.ts'),
    ];
    try {
      for (const batch of [1, 100]) {
        const [nest, ours] = (await alternate(wires, rounds, ({ run }) => run({ batch, seconds }))) as [
          Summary,
          Summary,
        ];
        show(`batches of ${batch}`, [nest, ours]);
        Object.assign(figures, ratios(`dispatch_batches_of_${batch}`, ours, nest));
      }
    } finally {
      await Promise.all(wires.map(({ close }) => close()));
    }
    return figures;
  },
};
