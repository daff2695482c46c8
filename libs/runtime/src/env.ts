/** One setting as its app declares it: what docs/settings.md is made of. */
export interface Setting {
  name: string;
  /** As a person would write it; empty when there is none. */
  default: string;
  meaning: string;
}

type Source = Readonly<Record<string, string | undefined>>;

/** All that is wrong with the settings, a line each. Shown without a stack trace; the process exits 1. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

/**
 * Reads settings and remembers what was asked for: a wrong value is noted and the default taken, so that every wrong
 * value is reported at once. An empty value counts as not set.
 */
export class Env {
  readonly declared: Setting[] = [];
  readonly problems: string[] = [];

  constructor(private readonly source: Source) {}

  /** Whether somebody gave it a value. */
  isSet(name: string): boolean {
    return (this.source[name] ?? '') !== '';
  }

  text(name: string, fallback: string, meaning: string): string {
    return this.read(name, fallback, meaning, (value) => value);
  }

  /** Undefined when not set. */
  optional(name: string, meaning: string): string | undefined {
    return this.read<string | undefined>(name, undefined, meaning, (value) => value);
  }

  /** A TCP port; 0 lets the system choose. */
  port(name: string, fallback: number, meaning: string): number {
    return this.int(name, fallback, meaning, { min: 0, max: 65_535 });
  }

  int(name: string, fallback: number, meaning: string, range: { min?: number; max?: number } = {}): number {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = range;
    return this.read(name, fallback, meaning, (value) => {
      const number = /^-?\d+$/.test(value) ? Number(value) : NaN;
      if (!(number >= min && number <= max)) throw new Error(`must be a whole number from ${min} to ${max}`);
      return number;
    });
  }

  /** A whole number of milliseconds; `10s`, `5m`, `24h` are understood too. */
  ms(name: string, fallback: number, meaning: string, range: { min?: number } = {}): number {
    const units: Record<string, number> = { '': 1, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
    return this.scaled(name, fallback, meaning, units, range.min ?? 0, 'milliseconds, or 10s, 5m, 24h');
  }

  /** A whole number of bytes; `64KiB`, `4MiB` are understood too. */
  bytes(name: string, fallback: number, meaning: string, range: { min?: number } = {}): number {
    const units: Record<string, number> = { '': 1, b: 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };
    return this.scaled(name, fallback, meaning, units, range.min ?? 0, 'bytes, or 64KiB, 4MiB');
  }

  oneOf<T extends string>(name: string, choices: readonly T[], fallback: T, meaning: string): T {
    return this.read<T>(name, fallback, meaning, (value) => {
      if (!choices.includes(value as T)) throw new Error(`must be one of ${choices.join(', ')}`);
      return value as T;
    });
  }

  list(name: string, fallback: readonly string[], meaning: string): readonly string[] {
    return this.read(name, fallback, meaning, (value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    );
  }

  /** `1` or `true`, `0` or `false`. */
  flag(name: string, fallback: boolean, meaning: string): boolean {
    return this.read(name, fallback, meaning, (value) => {
      if (!['0', '1', 'true', 'false'].includes(value)) throw new Error('must be 1 or 0');
      return value === '1' || value === 'true';
    });
  }

  /**
   * A value with a form of its own; `parse` throws an Error whose message completes "NAME …". A value that `isSecret` is not
   * shown when it is wrong.
   */
  parsed<T>(name: string, fallback: string, meaning: string, parse: (value: string) => T, isSecret = false): T {
    this.declared.push({ name, default: fallback, meaning });
    const value = this.source[name] ?? '';
    try {
      return parse(value === '' ? fallback : value);
    } catch (error) {
      this.problems.push(`${name} ${(error as Error).message}${isSecret ? '' : `, but is ${JSON.stringify(value)}`}`);
      return parse(fallback);
    }
  }

  /** Notes a problem that lies between settings; name them in the message. */
  refuse(problem: string): void {
    this.problems.push(problem);
  }

  private scaled(
    name: string,
    fallback: number,
    meaning: string,
    units: Record<string, number>,
    min: number,
    form: string,
  ): number {
    return this.read(name, fallback, meaning, (value) => {
      const match = /^(\d+)\s*([a-z]*)$/i.exec(value);
      const factor = units[match?.[2]?.toLowerCase() ?? '?'];
      const number = match && factor ? Number(match[1]) * factor : NaN;
      if (!(number >= min && number <= Number.MAX_SAFE_INTEGER)) throw new Error(`must be at least ${min} (${form})`);
      return number;
    });
  }

  private read<T>(name: string, fallback: T, meaning: string, parse: (value: string) => T): T {
    this.declared.push({ name, default: shown(fallback), meaning });
    const value = this.source[name];
    if (value === undefined || value === '') return fallback;
    try {
      return parse(value);
    } catch (error) {
      this.problems.push(`${name} ${(error as Error).message}, but is ${JSON.stringify(value)}`);
      return fallback;
    }
  }
}

/**
 * Reads a config once, at boot.
 * @throws ConfigError with everything that is wrong.
 */
export function readConfig<T>(source: Source, read: (env: Env) => T): Readonly<T> {
  const env = new Env(source);
  const config = read(env);
  if (env.problems.length > 0) throw new ConfigError([...new Set(env.problems)]);
  return Object.freeze(config);
}

function shown(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
