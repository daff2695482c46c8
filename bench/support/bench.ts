/** How much of it: `quick` sees that everything works, and its ratios say little. */
export interface Size {
  quick: boolean;
  rounds: number;
  seconds: number;
}

/** What a bench finds, by name: ratios to its baseline, or milliseconds, bytes and seconds where a goal is one of these. */
export type Figures = Record<string, number>;

export interface Bench {
  /** One line for `--list`. */
  what: string;
  /** Run only when it is named. */
  byHand?: true;
  /** @throws when a message is missing, out of order, twice, or not what was sent. */
  run(size: Size): Promise<Figures>;
}

export const full: Size = { quick: false, rounds: 3, seconds: 2 };
export const quick: Size = { quick: true, rounds: 3, seconds: 0.5 };

/** To three digits: more would be noise. */
export const rounded = (figure: number): number => Number(figure.toPrecision(3));
