import { setImmediate } from 'node:timers/promises';
import type { Bus, Publishing } from '@app/bus';
import { CodedError } from '@app/protocol';
import type { LogicMetrics } from '../logic.metrics.js';
import { readBody } from '../rest/body.pipe.js';
import type { Caller } from '../rest/caller.js';
import { BodyError, problemOf } from '../rest/problem.js';
import type { PushResult } from './batch.dto.js';
import type { DryRun } from './dry-run.js';
import type { Message } from './message.dto.js';
import type { Accepted, Reach } from './push.dto.js';
import type { CheckedPush, PushService } from './push.service.js';
import { pushRoutes, type PushRoute, type TargetKind } from './targets.js';

/** A push of a batch that is answered once the bus holds its records. */
interface Held {
  push: CheckedPush;
  records: Publishing[];
}

/** Milliseconds of work on a batch after which others of this process get their turn. */
const turnMs = 5;

/** What the routes of pushes answer: one push, its dry run, or a batch. */
export class PushDoor {
  constructor(
    private readonly pushes: PushService,
    private readonly dryRun: DryRun,
    private readonly bus: Bus,
    private readonly metrics: LogicMetrics,
  ) {}

  /**
   * 202 when the bus holds the message; with `dryRun` 200, and nothing has been sent.
   * @throws CodedError, BusUnavailableError
   */
  async one(kind: TargetKind, body: Message, caller: Caller): Promise<{ status: 200 | 202; body: Accepted | Reach }> {
    const { targets } = pushRoutes[kind] as PushRoute;
    if (body.dryRun !== true) {
      return { status: 202, body: await this.pushes.accept(caller, kind, targets(body), body) };
    }
    return { status: 200, body: await this.dryRun.reach(this.pushes.check(caller, kind, targets(body), body)) };
  }

  /** Each push answered in its place; the bus gets the records of all together, in their order. */
  async batch(pushes: readonly unknown[], caller: Caller): Promise<PushResult[]> {
    const items: (PushResult | Held)[] = [];
    let turnEndsAt = performance.now() + turnMs;
    for (const push of pushes) {
      items.push(await this.item(push, caller));
      if (performance.now() < turnEndsAt) continue;
      await setImmediate();
      turnEndsAt = performance.now() + turnMs;
    }
    const failures = await this.publish(items.flatMap((item) => ('records' in item ? item.records : [])));
    return items.map((item) => ('records' in item ? this.answer(item, failures) : item));
  }

  private async item(value: unknown, caller: Caller): Promise<PushResult | Held> {
    try {
      const { kind, body } = await readItem(value);
      const { targets } = pushRoutes[kind] as PushRoute;
      const push = this.pushes.check(caller, kind, targets(body), body);
      if (body.dryRun === true) return { status: 200, body: await this.dryRun.reach(push) };
      return { push, records: this.pushes.recordsOf(push) };
    } catch (error) {
      return this.refused(error);
    }
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

  private answer({ push, records }: Held, failures: ReadonlyMap<number, unknown>): PushResult {
    const failed = records.find(({ shard }) => failures.has(shard));
    if (failed) return this.refused(failures.get(failed.shard));
    return { status: 202, body: this.pushes.accepted(push, records.length) };
  }

  private refused(error: unknown): PushResult {
    const problem = problemOf(error);
    if (!problem) throw error;
    this.metrics.refusals.inc({ code: problem.code });
    return { status: problem.status, body: problem as PushResult['body'] };
  }
}

/** @throws CodedError */
async function readItem(value: unknown): Promise<{ kind: TargetKind; body: Message }> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CodedError('invalid_body', 'A push of a batch must be a JSON object.');
  }
  const { target, idempotencyKey, ...rest } = value as Record<string, unknown>;
  if (typeof target !== 'string' || !Object.hasOwn(pushRoutes, target)) {
    const detail = `must be one of ${Object.keys(pushRoutes).join(', ')}`;
    throw new BodyError('invalid_body', [{ pointer: '#/target', detail }]);
  }
  if (idempotencyKey !== undefined) {
    throw new BodyError('unsupported_option', [{ pointer: '#/idempotencyKey', detail: 'is not supported yet' }]);
  }
  const kind = target as TargetKind;
  return { kind, body: await readBody((pushRoutes[kind] as PushRoute).body, rest) };
}
