import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';

const debianPath = '/usr/bin/chromium';

/** Where Chromium is: `CHROMIUM`, else where Debian puts it; undefined when there is none. */
export const chromiumPath = process.env.CHROMIUM || (existsSync(debianPath) ? debianPath : undefined);

/** @throws an Error whose message says what is missing. */
export async function chromiumAvailable(): Promise<true> {
  if (chromiumPath === undefined) throw new Error(`there is no ${debianPath}`);
  return true;
}

/** It never asks anything of anybody but the pages that a test opens. */
const args = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A Chromium of our own with a folder of its own. Dispose of it. */
export class Browser {
  /** What pages complained of: errors on the console, breaches of their policy, answers that failed. */
  readonly complaints: string[] = [];

  private constructor(
    private readonly context: BrowserContext,
    private readonly folder: string,
  ) {}

  static async start(options: BrowserContextOptions = {}): Promise<Browser> {
    const folder = await mkdtemp(join(tmpdir(), 'skylark-chromium-'));
    const context = await chromium.launchPersistentContext(folder, {
      executablePath: chromiumPath,
      args,
      ...options,
    });
    return new Browser(context, folder);
  }

  /** A page that is listened to from before its first byte. */
  async open(url: string): Promise<Page> {
    const page = await this.context.newPage();
    page.on('pageerror', (error) => this.complaints.push(`error: ${error.message}`));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(`${message.type()}: ${message.text()}`);
    });
    await page.goto(url);
    return page;
  }

  /** @throws an Error that lists what pages complained of. */
  quiet(): void {
    const heard = this.complaints.splice(0);
    if (heard.length > 0) throw new Error(`the page complained:\n${heard.join('\n')}`);
  }

  /** Lets pages read and write the clipboard. */
  grantClipboard(): Promise<void> {
    return this.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
