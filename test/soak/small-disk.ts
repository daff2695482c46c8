import { execFile } from 'node:child_process';
import { mkdtemp, rm, statfs, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A disk that can be filled: a small file system in memory. Needs root. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  static async mount(megabytes = 1024): Promise<SmallDisk> {
    const folder = await mkdtemp(join(tmpdir(), 'skylark-disk-'));
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
    return new SmallDisk(folder);
  }

  static async isAvailable(): Promise<boolean> {
    try {
      const disk = await SmallDisk.mount(1);
      await disk.unmount();
      return true;
    } catch {
      return false;
    }
  }

  /** Takes all the room that is left. */
  async fill(): Promise<void> {
    for (let tries = 0; tries < 3; tries += 1) {
      const { bavail, bsize } = await statfs(this.folder);
      await writeFile(join(this.folder, `filler-${tries}`), Buffer.alloc(bavail * bsize)).catch(() => {}); // full is the aim
    }
  }

  async free(): Promise<void> {
    for (let n = 0; n < 3; n += 1) await unlink(join(this.folder, `filler-${n}`)).catch(() => {});
  }

  async unmount(): Promise<void> {
    await run('umount', [this.folder]);
    await rm(this.folder, { recursive: true, force: true });
  }
}
