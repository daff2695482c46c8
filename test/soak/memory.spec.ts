import { Memory, type MemoryOf } from './memory.js';

/** Looks at one process once a second, as it is told to be. */
class Watched {
  readonly name = 'g0';
  lives = 1;
  private kb: number | undefined;
  private at = 0;
  private readonly memory = new Memory([this]);

  rssKb(): number | undefined {
    return this.kb;
  }

  /** For so many seconds; `kb` by the second of the run, undefined where it does not run. */
  runs(seconds: number, kb: (at: number) => number | undefined): this {
    for (let i = 0; i < seconds; i += 1, this.at += 1) {
      this.kb = kb(this.at);
      this.memory.note(this.at * 1_000);
    }
    return this;
  }

  diesAndStarts(): this {
    this.lives += 1;
    return this;
  }

  get figures(): MemoryOf | undefined {
    return this.memory.figures().g0;
  }
}

const growing = (second: number) => 100_000 + second * 10;

describe('the memory of a process', () => {
  it('has a slope where it grows, and none where it goes up and down', () => {
    expect(new Watched().runs(300, growing).figures?.kbPerMinute).toBeCloseTo(600);
    expect(new Watched().runs(300, () => 100_000).figures?.kbPerMinute).toBe(0);
    const sawtooth = new Watched().runs(300, (second) => 100_000 + (second % 10) * 500);
    expect(Math.abs(sawtooth.figures!.kbPerMinute!)).toBeLessThan(100);
  });

  it('is not judged by how it warms up', () => {
    const warming = new Watched().runs(30, (second) => second * 10_000).runs(200, () => 300_000);
    expect(warming.figures).toEqual({ startKb: 300_000, endKb: 300_000, mostKb: 300_000, kbPerMinute: 0 });
  });

  it('has no slope before it has run for a minute and a half', () => {
    expect(new Watched().runs(90, growing).figures?.kbPerMinute).toBeUndefined();
    expect(new Watched().runs(91, growing).figures?.kbPerMinute).toBeCloseTo(600);
  });

  it('has the slope of its last life, and the most of all', () => {
    const app = new Watched().runs(200, (second) => 500_000 - second * 100).diesAndStarts();
    expect(app.runs(60, growing).figures).toMatchObject({ startKb: 497_000, mostKb: 500_000, kbPerMinute: undefined });
    expect(app.runs(60, growing).figures).toMatchObject({ endKb: growing(319) });
    expect(app.figures?.kbPerMinute).toBeCloseTo(600);
  });

  it('is not looked at while the process does not run', () => {
    expect(new Watched().runs(10, () => undefined).figures).toBeUndefined();
    expect(new Watched().runs(10, () => undefined).runs(1, () => 7).figures).toMatchObject({ startKb: 7, endKb: 7 });
  });
});
