import type { SoakProcess } from './process.js';

/** Of one process over all its lives, in kilobytes. */
export interface MemoryOf {
  /** When it had served for half a minute. */
  startKb: number | undefined;
  endKb: number | undefined;
  mostKb: number;
  /** Of its last life, by least squares; undefined when that was too short to tell. */
  kbPerMinute: number | undefined;
}

interface Sample {
  life: number;
  at: number;
  kb: number;
}

const warmUpMs = 30_000;
const tellingMs = 60_000;

/** What all processes hold in memory, looked at again and again. */
export class Memory {
  private readonly samples = new Map<string, Sample[]>();

  constructor(private readonly processes: readonly Pick<SoakProcess, 'name' | 'lives' | 'rssKb'>[]) {}

  /** `at`: milliseconds of the run. */
  note(at: number): void {
    for (const app of this.processes) {
      const kb = app.rssKb();
      if (kb === undefined) continue;
      const samples = this.samples.get(app.name);
      if (samples) samples.push({ life: app.lives, at, kb });
      else this.samples.set(app.name, [{ life: app.lives, at, kb }]);
    }
  }

  figures(): Record<string, MemoryOf> {
    return Object.fromEntries([...this.samples].map(([name, samples]) => [name, memoryOf(samples)]));
  }
}

function memoryOf(samples: readonly Sample[]): MemoryOf {
  const last = samples.at(-1)!;
  const life = samples.filter(({ life: of }) => of === last.life);
  const warm = life.filter(({ at }) => at >= life[0]!.at + warmUpMs);
  return {
    startKb: (samples.find(({ at }) => at >= warmUpMs) ?? samples[0])?.kb,
    endKb: last.kb,
    mostKb: Math.max(...samples.map(({ kb }) => kb)),
    kbPerMinute: warm.length > 1 && last.at - warm[0]!.at >= tellingMs ? slope(warm) * 60_000 : undefined,
  };
}

/** Kilobytes a millisecond. */
function slope(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, one) => sum + of(one), 0) / samples.length;
  const [at, kb] = [mean((one) => one.at), mean((one) => one.kb)];
  const spread = mean((one) => (one.at - at) ** 2);
  return spread === 0 ? 0 : mean((one) => (one.at - at) * (one.kb - kb)) / spread;
}
