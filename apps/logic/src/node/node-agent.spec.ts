import { createMemoryRegistry } from '@app/registry';
import { ManualClock, silentLog } from '@app/runtime';
import { NodeAgent } from './node-agent.js';

function setUp() {
  const clock = new ManualClock();
  const { nodes } = createMemoryRegistry(clock);
  const agent = new NodeAgent(nodes, { id: 'l1', host: '10.0.0.1', port: 7 }, clock, silentLog);
  /** Moves in small steps, so that what a renewal started can end. */
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      for (let i = 0; i < 5; i += 1) await Promise.resolve();
    }
  };
  return { nodes, agent, pass };
}

describe('NodeAgent', () => {
  it('keeps its lease, and leaves when closed', async () => {
    const { nodes, agent, pass } = setUp();
    await agent.start();
    await pass(10_000);
    expect(await nodes.list('logic')).toMatchObject([{ id: 'l1', host: '10.0.0.1', port: 7, leased: true }]);
    await agent.close();
    await agent.close();
    expect(await nodes.list('logic')).toEqual([]);
    await pass(5_000);
    expect(await nodes.list('logic')).toEqual([]);
  });

  it('outlives a registry that is away, from the start and later', async () => {
    const { nodes, agent, pass } = setUp();
    const away = jest.spyOn(nodes, 'renew').mockRejectedValue(new Error('away'));
    await agent.start();
    await pass(4_000);
    away.mockRestore();
    await pass(1_000);
    expect(await nodes.list('logic')).toMatchObject([{ leased: true }]);
    const awayAgain = jest.spyOn(nodes, 'renew').mockRejectedValue(new Error('away'));
    await pass(4_000);
    awayAgain.mockRestore();
    await pass(1_000);
    expect(await nodes.list('logic')).toMatchObject([{ leased: true }]);
  });

  it('takes a new incarnation when a later one stands', async () => {
    const { nodes, agent, pass } = setUp();
    await agent.start();
    const later = await nodes.nextIncarnation('logic', 'l1');
    const [entry] = await nodes.list('logic');
    await nodes.renew({ ...entry!, incarnation: later }, 3_000);
    await pass(3_000);
    const [again] = await nodes.list('logic');
    expect(again?.leased).toBe(true);
    expect(again?.incarnation).toBeGreaterThan(later);
  });
});
