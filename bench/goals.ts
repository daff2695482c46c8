/** A bound of a figure; the words say what of. */
export interface Goal {
  atLeast?: number;
  atMost?: number;
}

/** What is to be reached, by the figure's name. Ratios are to the baseline that ran beside. */
export const goals: Readonly<Record<string, Goal>> = {
  one_room_10000_clients_1_per_tick_cpu: { atLeast: 1.6 },
  one_room_10000_clients_16_per_tick_cpu: { atLeast: 20 },
  many_rooms_10_per_write_cpu: { atLeast: 8 },
  paced_off_percent: { atMost: 10 },
};

export const isMet = ({ atLeast = -Infinity, atMost = Infinity }: Goal, figure: number): boolean =>
  figure >= atLeast && figure <= atMost;

/** Whether all goals that figures speak of are met; says each. */
export function judge(figures: Readonly<Record<string, number>>): boolean {
  let allMet = true;
  for (const [name, goal] of Object.entries(goals)) {
    const figure = figures[name];
    if (figure === undefined) continue;
    const met = isMet(goal, figure);
    const bound = goal.atLeast === undefined ? `≤ ${goal.atMost}` : `≥ ${goal.atLeast}`;
    console.log(`  ${met ? 'met   ' : 'MISSED'} ${name.padEnd(44)} ${figure} (${bound})`);
    allMet &&= met;
  }
  return allMet;
}
