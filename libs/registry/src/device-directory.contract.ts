import type { DeviceDirectory } from './device-directory.js';
import type { OpenedRegistry } from './node-directory.contract.js';

/** What every device directory promises; run it on each of them. */
export function describeDeviceDirectory(name: string, open: () => Promise<OpenedRegistry>): void {
  describe(`${name} device directory`, () => {
    let registry: OpenedRegistry;
    let devices: DeviceDirectory;
    beforeEach(async () => {
      registry = await open();
      ({ devices } = registry);
    });
    afterEach(() => registry.close());
    const claim = (seq: number, id: string, device = 'phone', user = 'ann', app = 'default') =>
      devices.claim(app, user, device, seq, id);
    const release = (id: string) => devices.release('default', 'ann', 'phone', id);

    it('draws rising numbers, also when many ask at once', async () => {
      const one = await devices.nextSeq('default', 'ann', 'phone');
      const others = await Promise.all([1, 2, 3].map(() => devices.nextSeq('default', 'ann', 'phone')));
      expect(new Set(others).size).toBe(3);
      expect(Math.min(...others)).toBeGreaterThan(one);
    });

    it('names the connections that were replaced, until they let go', async () => {
      expect(await claim(1, 'g1~1~1')).toEqual({ replaced: [] });
      expect(await claim(2, 'g2~1~1')).toEqual({ replaced: ['g1~1~1'] });
      expect(await claim(9, 'g1~1~2')).toEqual({ replaced: ['g1~1~1', 'g2~1~1'] });
      await release('g1~1~1');
      expect(await claim(10, 'g1~1~3')).toEqual({ replaced: ['g2~1~1', 'g1~1~2'] });
    });

    it('lets the higher number win, in whatever order they arrive', async () => {
      await claim(10, 'late');
      expect(await claim(9, 'early')).toBe('lost');
      expect(await claim(11, 'later')).toEqual({ replaced: ['late'] });
      expect(await claim(10, 'late')).toBe('lost');
    });

    it('may be claimed again by who holds it', async () => {
      await claim(1, 'g1~1~1');
      expect(await claim(2, 'g2~1~1')).toEqual({ replaced: ['g1~1~1'] });
      expect(await claim(2, 'g2~1~1')).toEqual({ replaced: ['g1~1~1'] });
    });

    it('tells numbers as large as it draws them apart', async () => {
      const first = await devices.nextSeq('default', 'ann', 'phone');
      expect(Number.isSafeInteger(first)).toBe(true);
      await claim(first + 1, 'later');
      expect(await claim(first, 'earlier')).toBe('lost');
    });

    it('keeps devices, users and apps apart', async () => {
      await claim(5, 'a');
      expect(await claim(1, 'b', 'tablet')).toEqual({ replaced: [] });
      expect(await claim(1, 'c', 'phone', 'bob')).toEqual({ replaced: [] });
      expect(await claim(1, 'd', 'phone', 'ann', 'other')).toEqual({ replaced: [] });
    });

    it('lets go of a device only for the connection that says so', async () => {
      await claim(5, 'a');
      await release('somebody else');
      expect(await claim(4, 'b')).toBe('lost');
      await release('a');
      expect(await claim(4, 'b')).toEqual({ replaced: [] });
      await devices.release('default', 'nobody', 'none', 'x');
    });
  });
}
