/** A bound of a figure. */
export interface Goal {
  atLeast?: number;
  atMost?: number;
}

/**
 * What is to be reached: by bench, by figure. Ratios are to the baseline that ran beside. That of `chain` is 1.2 times what goim's
 * three processes reach, who were measured beside the same naive server: 7.5 times as much as that.
 */
export const goals: Readonly<Record<string, Readonly<Record<string, Goal>>>> = {
  'one-room': {
    one_room_10000_clients_1_per_tick_cpu: { atLeast: 1.6 },
    one_room_10000_clients_16_per_tick_cpu: { atLeast: 20 },
  },
  ping: { ping_window_1_cpu: { atLeast: 4 }, ping_window_16_cpu: { atLeast: 10 } },
  dispatch: { dispatch_batches_of_100_cpu: { atLeast: 3 } },
  rest: { rest_cpu: { atLeast: 0.5 } },
  latency: {
    latency_embedded_20_p99_ratio: { atMost: 1 },
    latency_kafka_20_p99_ratio: { atMost: 1.3 },
    latency_embedded_100_p99_ms: { atMost: 20 },
    latency_kafka_100_p99_ms: { atMost: 40 },
  },
  way: { way_alone_cpu_ms: { atMost: 0.8 }, way_in_16s_cpu_ms: { atMost: 0.1 } },
  chain: { chain_16_per_tick_cpu: { atLeast: 9 } },
  memory: { memory_one_room_kb: { atMost: 4 }, memory_largest_base_mb: { atMost: 110 } },
  'many-rooms': { many_rooms_10_per_write_cpu: { atLeast: 8 } },
  growth: {
    growth_clients_worse_than_naive: { atMost: 1.5 },
    growth_rooms: { atMost: 1.5 },
    growth_gateways: { atMost: 1.5 },
    growth_shards: { atMost: 1.5 },
  },
  million: { million_connections: { atLeast: 1_000_000 } },
  churn: { churn_gateway: { atMost: 1.1 } },
  paced: { paced_off_percent: { atMost: 10 } },
};

/** Whether the goals of a bench are met; says each. A figure that could not be had is one that was missed. */
export function judge(bench: string, figures: Readonly<Record<string, number>>): boolean {
  let allMet = true;
  for (const [name, { atLeast = -Infinity, atMost = Infinity }] of Object.entries(goals[bench] ?? {})) {
    const figure = figures[name];
    const isMet = figure !== undefined && figure >= atLeast && figure <= atMost;
    const bound = atLeast === -Infinity ? `≤ ${atMost}` : `≥ ${atLeast}`;
    console.log(`  ${isMet ? 'met   ' : 'MISSED'} ${name.padEnd(44)} ${figure ?? 'no figure'} (${bound})`);
    allMet &&= isMet;
  }
  return allMet;
}
