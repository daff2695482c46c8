import type { ChildProcess } from 'node:child_process';
import type { Connect, FromLoad, Report, ToLoad } from '../load/clients.js';
import { cpuSeconds, end, forkBench } from './process.js';

/** A load process of clients, asked and heard. */
export class Load {
  private readonly child: ChildProcess = forkBench('bench/load/clients.ts');

  get cpuSeconds(): number {
    return cpuSeconds(this.child.pid!);
  }

  ask(message: ToLoad): void {
    this.child.send(message);
  }

  /** Connects clients; answers the last welcome frame. */
  async connect(wanted: Omit<Connect, 'do'>): Promise<string> {
    this.ask({ do: 'connect', ...wanted });
    return (await this.told('connect', 300_000)).welcome;
  }

  async report(): Promise<Report> {
    this.ask({ do: 'report' });
    return this.told('report', 60_000);
  }

  /** Calls back at each message of a kind, until told to stop. */
  hear<K extends FromLoad['did']>(did: K, heard: (message: Told<K>) => void): () => void {
    const onMessage = (message: FromLoad) => {
      if (message.did === did) heard(message as Told<K>);
    };
    this.child.on('message', onMessage);
    return () => void this.child.off('message', onMessage);
  }

  /** The next message of a kind. */
  told<K extends FromLoad['did']>(did: K, ms: number): Promise<Told<K>> {
    const { child } = this;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        child.off('message', onMessage);
        child.off('exit', onExit);
        finish();
      };
      const onMessage = (message: FromLoad) => {
        if (message.did === did) settle(() => resolve(message as Told<K>));
      };
      const onExit = () => settle(() => reject(new Error('the load clients ended')));
      const timer = setTimeout(() => settle(() => reject(new Error(`no ${did} within ${ms} ms`))), ms);
      child.on('message', onMessage);
      child.on('exit', onExit);
    });
  }

  close(): Promise<void> {
    return end(this.child);
  }
}

type Told<K extends FromLoad['did']> = Extract<FromLoad, { did: K }>;

/** @throws when not every member of every room has had as many messages as were pushed to it, in order and undamaged. */
export function checkWhole(name: string, pushed: readonly number[], report: Report, closed = 0): void {
  const isLacking = (wanted: number, room: number) => {
    const { least, most } = report.rooms[room] ?? { least: 0, most: 0 };
    return least !== wanted || most !== wanted;
  };
  const lacking = pushed.findIndex(isLacking);
  if (lacking < 0 && report.disorder === 0 && report.damaged === 0 && report.closed === closed) return;
  const { rooms, ...rest } = report;
  const room =
    lacking < 0 ? '' : `; of ${pushed[lacking]} to room ${lacking} they had ${JSON.stringify(rooms[lacking])}`;
  throw new Error(`${name}: its clients got ${JSON.stringify(rest)}${room}`);
}
