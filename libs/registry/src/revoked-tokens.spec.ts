import { ManualClock, silentLog } from '@app/runtime';
import { MemoryRevocationList } from './memory/memory.revocation-list.js';
import type { Revocation, RevocationList } from './revocation-list.js';
import { RevokedTokens } from './revoked-tokens.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const ann = { app: 'default', user: 'ann', id: 't1', issuedAtMs: 500 };

function setup() {
  const clock = new ManualClock();
  const list: RevocationList = new MemoryRevocationList(clock);
  const learned: Revocation[] = [];
  const tokens = new RevokedTokens(list, clock, silentLog, (more) => learned.push(...more));
  const untilMs = clock.now() + 3_600_000;
  const poll = async () => {
    clock.advance(250);
    await turn();
  };
  return { clock, list, learned, tokens, untilMs, poll };
}

describe('RevokedTokens', () => {
  it('know what was revoked before and after they began, and tell of it once', async () => {
    const { list, learned, tokens, untilMs, poll } = setup();
    await list.add({ kind: 'token', app: 'default', id: 't1', untilMs });
    await tokens.start();
    expect(tokens.has(ann)).toBe(true);
    expect(tokens.has({ ...ann, app: 'shop' })).toBe(false);
    expect(tokens.has({ ...ann, id: undefined })).toBe(false);
    await list.add({ kind: 'token', app: 'default', id: 't2', untilMs });
    expect(tokens.has({ ...ann, id: 't2' })).toBe(false);
    await poll();
    expect(tokens.has({ ...ann, id: 't2' })).toBe(true);
    await poll();
    expect(learned.map((revocation) => revocation.kind === 'token' && revocation.id)).toEqual(['t1', 't2']);
  });

  it('mean those of a user that were issued until then, or do not say when', async () => {
    const { list, tokens, untilMs } = setup();
    await list.add({ kind: 'user', app: 'default', user: 'ann', beforeMs: 1_000, untilMs });
    await tokens.start();
    expect([0, 999, 1_000, 1_001].map((issuedAtMs) => tokens.has({ ...ann, issuedAtMs }))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(tokens.has({ ...ann, user: 'bob' })).toBe(false);
  });

  it('are forgotten once they have expired', async () => {
    const { clock, list, tokens, untilMs } = setup();
    await list.add({ kind: 'token', app: 'default', id: 't1', untilMs });
    await tokens.start();
    clock.advance(3_600_000);
    await turn();
    expect(tokens.has(ann)).toBe(false);
    clock.advance(60_000);
    expect(tokens.size).toBe(0);
  });

  it('stand while the list cannot be read, and what was missed is learned after', async () => {
    const { list, tokens, untilMs, poll } = setup();
    await list.add({ kind: 'token', app: 'default', id: 't1', untilMs });
    await tokens.start();
    const read = jest.spyOn(list, 'read').mockRejectedValue(new Error('away'));
    await poll();
    expect([tokens.has(ann), tokens.problem()]).toEqual([true, 'revoked tokens: away']);
    await list.add({ kind: 'token', app: 'default', id: 't2', untilMs });
    read.mockRestore();
    await poll();
    expect([tokens.has({ ...ann, id: 't2' }), tokens.problem()]).toEqual([true, undefined]);
  });
});
