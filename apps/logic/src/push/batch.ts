import { setImmediate } from 'node:timers/promises';
import type { Bus, Publishing } from '@app/bus';
import { CodedError } from '@app/protocol';
import type { LogicMetrics } from '../logic.metrics.js';
import { readBody } from '../rest/body.pipe.js';
import type { Caller } from '../rest/caller.js';
import { BodyError, problemOf } from '../rest/problem.js';
import type { PushResult } from './batch.dto.js';
import type { CheckedPush } from './checked-push.js';
import type { DryRun } from './dry-run.js';
import { keyOfItem, keyOfPlace } from './idempotency-key.js';
import type { Message } from './message.dto.js';
import type { Once } from './once.js';
import type { PushService } from './push.service.js';
import { pushRoutes, type PushRoute, type TargetKind } from './targets.js';

/** A push that is answered once the bus holds its records. */
interface Held {
  push: CheckedPush;
  records: Publishing[];
}

/** Milliseconds of work on a batch after which others of this process get their turn. */
const turnMs = 5;

/** Many pushes in one call, each answered by itself. */
export class Batch {
  constructor(
    private readonly pushes: PushService,
    private readonly once: Once,
    private readonly dryRun: DryRun,
    private readonly bus: Bus,
    private readonly metrics: LogicMetrics,
  ) {}

  /**
   * Each push answered in its place; the bus gets the records of all together, in their order.
   * @param key of the batch: stands for a key of each push that has none of its own.
   */
  async answer(values: readonly unknown[], caller: Caller, key?: string): Promise<PushResult[]> {
    const items: (PushResult | CheckedPush)[] = [];
    await inTurns([...values.entries()], async ([place, value]) => {
      items.push(await this.read(value, caller, key === undefined ? undefined : keyOfPlace(key, place)));
    });
    const checked = items.filter((item): item is CheckedPush => !('status' in item));
    const results = new Map<CheckedPush, PushResult>();
    const twins = new Map<CheckedPush, CheckedPush>();
    const held: Held[] = [];
    const verdicts = await this.once.judge(checked);
    await inTurns([...checked.entries()], ([i, push]) => {
      const verdict = verdicts[i]!;
      if (verdict.is === 'refused') results.set(push, this.refused(verdict.error));
      else if (verdict.is === 'done') results.set(push, { status: 202, body: verdict.answer, replayed: true });
      else if (verdict.is === 'twin') twins.set(push, verdict.of);
      else this.hold(push, held, results);
    });
    await this.put(held, results);
    for (const [push, first] of twins) results.set(push, repeated(results.get(first)!));
    return items.map((item) => ('status' in item ? item : results.get(item)!));
  }

  private async read(value: unknown, caller: Caller, keyOfItsPlace?: string): Promise<PushResult | CheckedPush> {
    try {
      const { kind, body, key = keyOfItsPlace } = await readItem(value);
      const targets = (pushRoutes[kind] as PushRoute).targets(body);
      if (body.dryRun !== true) return this.pushes.check(caller, kind, targets, body, key);
      return { status: 200, body: await this.dryRun.reach(this.pushes.check(caller, kind, targets, body)) };
    } catch (error) {
      return this.refused(error);
    }
  }

  private hold(push: CheckedPush, held: Held[], results: Map<CheckedPush, PushResult>): void {
    try {
      held.push({ push, records: this.pushes.recordsOf(push) });
    } catch (error) {
      results.set(push, this.refused(error));
    }
  }

  private async put(held: readonly Held[], results: Map<CheckedPush, PushResult>): Promise<void> {
    const failures = await this.publish(held.flatMap(({ records }) => records));
    const accepted = held.flatMap(({ push, records }) => {
      const failed = records.find(({ shard }) => failures.has(shard));
      if (!failed) return [[push, this.pushes.accepted(push, records.length)] as const];
      results.set(push, this.refused(failures.get(failed.shard)));
      return [];
    });
    const answers = await this.once.end(accepted);
    for (const [i, [push]] of accepted.entries()) results.set(push, { status: 202, body: answers[i]! });
  }

  /** What went wrong, by shard: one that the bus does not take says nothing of the others. */
  private async publish(records: readonly Publishing[]): Promise<Map<number, unknown>> {
    const shards = new Map<number, Publishing[]>();
    for (const record of records) {
      const there = shards.get(record.shard);
      if (there) there.push(record);
      else shards.set(record.shard, [record]);
    }
    const failures = new Map<number, unknown>();
    const published = [...shards].map(([shard, some]) =>
      this.bus.publish(some).catch((error: unknown) => void failures.set(shard, error)),
    );
    await Promise.all(published);
    return failures;
  }

  private refused(error: unknown): PushResult {
    const problem = problemOf(error);
    if (!problem) throw error;
    this.metrics.refusals.inc({ code: problem.code });
    return { status: problem.status, body: problem as PushResult['body'] };
  }
}

const repeated = ({ status, body }: PushResult): PushResult =>
  status === 202 ? { status, body, replayed: true } : { status, body };

async function inTurns<T>(items: readonly T[], task: (item: T) => void | Promise<void>): Promise<void> {
  let turnEndsAt = performance.now() + turnMs;
  for (const item of items) {
    await task(item);
    if (performance.now() < turnEndsAt) continue;
    await setImmediate();
    turnEndsAt = performance.now() + turnMs;
  }
}

/** @throws CodedError */
async function readItem(value: unknown): Promise<{ kind: TargetKind; body: Message; key: string | undefined }> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CodedError('invalid_body', 'A push of a batch must be a JSON object.');
  }
  const { target, idempotencyKey, ...rest } = value as Record<string, unknown>;
  if (typeof target !== 'string' || !Object.hasOwn(pushRoutes, target)) {
    const detail = `must be one of ${Object.keys(pushRoutes).join(', ')}`;
    throw new BodyError('invalid_body', [{ pointer: '#/target', detail }]);
  }
  const key = keyOfItem(idempotencyKey);
  const kind = target as TargetKind;
  return { kind, body: await readBody((pushRoutes[kind] as PushRoute).body, rest), key };
}
