import * as fc from 'fast-check';
import { FakeConnection } from './connection.contract.js';
import type { Session } from './session.js';
import { SessionTable } from './session-table.js';

function identified() {
  const table = new SessionTable();
  table.identify('g-1', 7);
  return table;
}

describe('the session table', () => {
  it('finds a session by its connection id, and nobody by the ids of others', () => {
    const table = identified();
    const session = table.add(new FakeConnection());
    const id = table.connectionIdOf(session);
    expect(id).toMatch(/^g-1~7~[0-9a-z]+$/);
    expect(table.find(id)).toBe(session);
    const serial = id.split('~')[2]!;
    for (const other of [`g-1~8~${serial}`, `g-2~7~${serial}`, `g-1~7~${serial}0`, 'g-1~7~', 'g-1~7~!', '', 'x']) {
      expect(table.find(other)).toBeUndefined();
    }
  });

  it('gives a slot to the next one, who is not found by the id of the one before', () => {
    const table = identified();
    const first = table.add(new FakeConnection());
    const firstId = table.connectionIdOf(first);
    table.remove(first);
    table.remove(first);
    const second = table.add(new FakeConnection());
    expect(table.find(firstId)).toBeUndefined();
    expect(table.find(table.connectionIdOf(second))).toBe(second);
    expect(table.size).toBe(1);
    table.remove(first);
    expect(table.find(table.connectionIdOf(second))).toBe(second);
  });

  it('agrees with a plain map, whoever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { maxLength: 60 }), (steps) => {
        const table = identified();
        const model = new Map<string, Session>();
        for (const step of steps) {
          const there = [...model];
          const leaving = there[step];
          if (leaving) {
            table.remove(leaving[1]);
            model.delete(leaving[0]);
          } else {
            const session = table.add(new FakeConnection());
            model.set(table.connectionIdOf(session), session);
          }
        }
        expect(table.size).toBe(model.size);
        expect(new Set(table)).toEqual(new Set(model.values()));
        for (const [id, session] of model) expect(table.find(id)).toBe(session);
      }),
    );
  });

  it('says when the last one is gone', async () => {
    const table = identified();
    await table.whenEmpty();
    const [a, b] = [table.add(new FakeConnection()), table.add(new FakeConnection())];
    let isEmpty = false;
    const empty = table.whenEmpty().then(() => (isEmpty = true));
    table.remove(a);
    await Promise.resolve();
    expect(isEmpty).toBe(false);
    table.remove(b);
    await empty;
  });
});
