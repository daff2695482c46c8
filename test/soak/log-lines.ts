import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const linesAtMost = 400;
const widthAtMost = 500;

export interface Wanted {
  /** When the clock of the run began. */
  startedAt: number;
  /** Milliseconds of the run. */
  fromMs: number;
  toMs: number;
  isOfIt: (line: string) => boolean;
  /** What names this is wanted whenever it was written. */
  id: string | undefined;
}

/** Lines of all processes' logs in the order of their times, each `<ms of the run> <process>: <message> <fields>`. */
export async function logLines(folder: string, wanted: Wanted): Promise<string[]> {
  const found: { at: number; text: string }[] = [];
  for (const file of readdirSync(folder).sort()) {
    for await (const line of createInterface({ input: createReadStream(join(folder, file)) })) {
      const isNamed = wanted.id !== undefined && line.includes(wanted.id);
      if (!isNamed && !wanted.isOfIt(line)) continue;
      const { at, text } = readable(line, wanted);
      if (!isNamed && (at < wanted.fromMs || at > wanted.toMs)) continue;
      found.push({ at, text: `${at} ms ${file.replace('.log', '')}: ${text}`.slice(0, widthAtMost) });
    }
  }
  found.sort((a, b) => a.at - b.at);
  // Of too many, those in the middle of the time are the most telling.
  const spare = Math.max(0, found.length - linesAtMost) >> 1;
  return found.slice(spare, spare + linesAtMost).map(({ text }) => text);
}

/** A line that is not one of the log's own (a crash) is taken as it is, and has no time: it comes first. */
function readable(line: string, { startedAt, fromMs }: Wanted): { at: number; text: string } {
  try {
    const { level: _level, time, app: _app, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const told = { ...fields, ...(err !== undefined && { err: (err as Error).message }) }; // its stack is in the log
    return { at: Date.parse(String(time)) - startedAt, text: `${String(msg)} ${JSON.stringify(told)}` };
  } catch {
    return { at: fromMs, text: line };
  }
}
