import { parseArgs } from 'node:util';

/** What can be done to the system while it works, and in which set-ups. */
export const faultKinds = [
  'kill-gateway',
  'kill-job',
  'kill-logic',
  'stop-gateway',
  'stop-job',
  'kill-redis',
  'flush-redis',
  'kill-kafka',
  'cut-rpc',
  'cut-redis',
  'cut-kafka',
  'slow-net',
  'drain',
  'clock-jump',
  'disk-full',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** One process has only these: what it holds in memory goes with it. */
const embeddedFaults: readonly FaultKind[] = ['kill-gateway', 'stop-gateway', 'drain', 'clock-jump'];

export interface SoakOptions {
  minutes: number;
  gateways: number;
  jobs: number;
  logics: number;
  clients: number;
  bus: 'kafka' | 'embedded';
  faults: FaultKind[];
  /** AnyCable's test: every client is cut again and again, for up to 15 s. */
  jitter: boolean;
  seed: string;
  /** Pushes per second. */
  rate: number;
  /** Folder for logs, figures and the picture. */
  out: string;
  logLevel: string;
  /** Folder of the built apps. */
  dist: string;
}

export const help = `npm run soak -- [options]: the whole system under load and faults, and a balance of every message

  --minutes M      how long faults and pushes go on (default 3); settling comes after it
  --gateways N --jobs J --logics L    processes (default 2 of each; one process with --bus embedded)
  --clients C      default 200
  --bus kafka|embedded    kafka: gateways, logics and jobs on a Kafka and a Redis of their own (default);
                   embedded: one standalone process, everything in memory
  --faults LIST    comma list of faults, "all", "none", or with "jitter" (default all):
                   ${faultKinds.join(' ')}
  --seed S         same seed, same plan of faults and same choices of load (default: the time)
  --rate R         pushes per second (default 50)
  --out DIR        logs, soak.json and soak.svg (default .cache/soak/<seed>)
  --log-level L    of the processes (default debug: on failure the lost message is searched in their logs)

  --dist DIR       the built apps (default dist): another build, or one with a fault planted to see it found

Exits with 1 unless lost, twice, out of order, wrongly got, late and silent gaps are 0 and everybody is back.
`;

const options = {
  minutes: { type: 'string', default: '3' },
  gateways: { type: 'string', default: '2' },
  jobs: { type: 'string', default: '2' },
  logics: { type: 'string', default: '2' },
  clients: { type: 'string', default: '200' },
  bus: { type: 'string', default: 'kafka' },
  faults: { type: 'string', default: 'all' },
  seed: { type: 'string' },
  rate: { type: 'string', default: '50' },
  out: { type: 'string' },
  'log-level': { type: 'string', default: 'debug' },
  dist: { type: 'string', default: 'dist' },
  help: { type: 'boolean', default: false },
} as const;

/**
 * Reads the command line; `'help'` when that was asked for.
 * @throws Error whose message says what is wrong.
 */
export function readOptions(argv: readonly string[]): SoakOptions | 'help' {
  const { values } = parseArgs({ args: [...argv], options });
  if (values.help) return 'help';
  if (values.bus !== 'kafka' && values.bus !== 'embedded') throw new Error('--bus must be kafka or embedded');
  const isOne = values.bus === 'embedded';
  const seed = values.seed ?? String(Date.now());
  const asked = values.faults.split(',').filter((name) => name !== '' && name !== 'none');
  return {
    minutes: positive('minutes', values.minutes),
    gateways: isOne ? 1 : whole('gateways', values.gateways),
    jobs: isOne ? 1 : whole('jobs', values.jobs),
    logics: isOne ? 1 : whole('logics', values.logics),
    clients: whole('clients', values.clients),
    bus: values.bus,
    faults: faultsOf(asked, values.bus),
    jitter: asked.includes('jitter'),
    seed,
    rate: positive('rate', values.rate),
    out: values.out ?? `.cache/soak/${seed}`,
    logLevel: values['log-level'],
    dist: values.dist,
  };
}

function faultsOf(asked: readonly string[], bus: SoakOptions['bus']): FaultKind[] {
  const known: readonly FaultKind[] = bus === 'embedded' ? embeddedFaults : faultKinds;
  if (asked.includes('all')) return [...known];
  return asked
    .filter((name) => name !== 'jitter')
    .map((name) => {
      const kind = known.find((one) => one === name);
      if (!kind) throw new Error(`--faults: "${name}" is none that --bus ${bus} has: ${known.join(' ')}`);
      return kind;
    });
}

function positive(name: string, value: string): number {
  const number = Number(value);
  if (!(number > 0)) throw new Error(`--${name} must be a number above 0`);
  return number;
}

function whole(name: string, value: string): number {
  const number = positive(name, value);
  if (!Number.isInteger(number)) throw new Error(`--${name} must be a whole number`);
  return number;
}
