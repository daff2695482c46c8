import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SignJWT } from 'jose';
import type { Locator, Page } from 'playwright-core';
import { Browser, chromiumPath } from '../support/browser.js';
import { numbers } from '../support/clients.js';
import { startCluster, type Cluster } from '../support/cluster.js';
import { horizontalOverflow, lowContrast } from '../support/looks.js';
import { until } from '../support/until.js';

const run = promisify(execFile);

/** One of the two clients on the page, as somebody sees it. */
class Pane {
  readonly root: Locator;

  constructor(page: Page, title: 'Client A' | 'Client B') {
    this.root = page.getByRole('region', { name: title, exact: true });
  }

  button(name: string): Locator {
    return this.root.getByRole('button', { name, exact: true });
  }

  async connect(fields: Record<string, string> = {}): Promise<void> {
    for (const [label, value] of Object.entries(fields)) await this.root.getByLabel(label, { exact: true }).fill(value);
    await this.button('Connect').click();
    await this.is('Connected');
  }

  async is(state: string): Promise<void> {
    await this.root.locator('.state', { hasText: state }).waitFor();
  }

  /** The newest entry with this text, when it has come. */
  async entry(text: string | RegExp): Promise<string> {
    const found = this.root.getByRole('listitem').filter({ hasText: text }).first();
    await found.waitFor();
    return found.innerText();
  }

  /** Frames of pushes with this text, newest first. */
  frames(text: string | RegExp): Locator {
    return this.root.locator('li.push-frame', { hasText: text });
  }

  async sees(text: string | RegExp): Promise<void> {
    await this.entry(text);
  }
}

async function push(page: Page, fields: { to: string; names?: string; message: string; type?: string }): Promise<void> {
  const form = page.locator('#push');
  await form.getByLabel('To', { exact: true }).selectOption(fields.to);
  if (fields.names !== undefined) await form.locator('[name=names]').fill(fields.names);
  await form.getByLabel('Message').fill(fields.message);
  if (fields.type !== undefined) await form.getByLabel('Type', { exact: true }).fill(fields.type);
  await form.getByRole('button', { name: 'Push' }).click();
}

const accepted = (page: Page) => page.locator('#answer', { hasText: '202 Accepted' }).waitFor();

(chromiumPath ? describe : describe.skip)('the page at /', () => {
  let cluster: Cluster;
  let browser: Browser;
  let page: Page;
  let a: Pane;
  let b: Pane;
  beforeAll(async () => {
    cluster = await startCluster({ gateways: 2 });
    browser = await Browser.start();
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    page = await browser.open(`${cluster.restUrls[0]}/`);
    [a, b] = [new Pane(page, 'Client A'), new Pane(page, 'Client B')];
    await a.root.waitFor();
  });
  afterEach(async () => {
    await page.close();
    browser.quiet();
  });

  it('shows one push reach two people at two gateways', async () => {
    await a.connect();
    await b.connect();
    expect(await a.root.locator('.summary').textContent()).toMatch(/^ann · device laptop · gateway gateway-\d/);
    await push(page, { to: 'Rooms', message: '{"to": "both"}', type: '7' });
    await accepted(page);
    for (const pane of [a, b]) {
      const frame = pane.frames('"to": "both"');
      await frame.waitFor();
      expect(await frame.locator('.line').innerText()).toMatch(/^type 7\s+room:news\s+#\d+\s+\d+ ms$/);
    }
  });

  it('reaches by each target those who are meant', async () => {
    await a.connect();
    await b.connect();
    // Unless one says otherwise, client A is meant.
    await push(page, { to: 'Users', message: '"for ann"' });
    await a.sees('for ann');
    await push(page, { to: 'Connections', message: '"for one connection"' });
    await a.sees('for one connection');
    await push(page, { to: 'Devices', message: '"for one device"' });
    await a.sees('for one device');
    await push(page, { to: 'Labels', message: '"for one label"' });
    await a.sees('for one label');
    await push(page, { to: 'Devices', names: 'bob phone, ann nothing', message: '"for the phone"' });
    await push(page, { to: 'Labels', names: 'platform=ios & !platform=web', message: '"for ios"' });
    for (const text of ['for the phone', 'for ios']) await b.sees(text);
    await push(page, { to: 'Everybody', message: '"for all"' });
    for (const pane of [a, b]) await pane.sees('for all');
    expect(await b.frames(/for ann|for one/).count()).toBe(0);
    expect(await a.frames(/for the phone|for ios/).count()).toBe(0);
  });

  it('offers every target that REST has', async () => {
    const { body } = await cluster.get<{ paths: object }>('/docs-json');
    const known = Object.keys(body.paths).flatMap((path) => /^\/v1\/push\/(?!batch)(.+)$/.exec(path)?.[1] ?? []);
    const offered = await page
      .locator('#push [name=target] option')
      .evaluateAll((options) => options.map((option) => (option as unknown as { value: string }).value));
    expect(offered.sort()).toEqual(known.sort());
  });

  it('gives a client that dropped what it missed, once and in order', async () => {
    await a.connect();
    await b.connect();
    await push(page, { to: 'Rooms', message: '"before"' });
    await b.sees('before');
    await b.button('Drop').click();
    await b.is('Dropped');
    for (const n of numbers(1, 3)) await cluster.push('rooms', { rooms: ['news'], text: `missed ${n}` });
    await cluster.push('users', { users: ['bob'], text: 'missed 4' });
    await a.sees('missed 3');
    expect(await b.frames('missed').count()).toBe(0);
    await b.button('Come back').click();
    await b.sees('missed 4');
    await b.sees('room:news: recovered since #');
    const ofRoom = b.frames(/missed \d/).filter({ hasText: 'room:news' });
    expect(await ofRoom.locator('pre').allTextContents()).toEqual(['missed 3', 'missed 2', 'missed 1']);
    expect(await b.frames('missed, now recovered').count()).toBe(4);
    expect(await b.frames('before').count()).toBe(1);
  });

  it('joins and leaves a room', async () => {
    await a.connect();
    await a.root.getByLabel('Join a room').fill('sports');
    await a.root.getByRole('button', { name: 'Join' }).click();
    await a.button('Leave sports').waitFor();
    await cluster.push('rooms', { rooms: ['sports'], text: 'goal' });
    await a.sees('goal');
    await a.button('Leave sports').click();
    await a.button('Leave sports').waitFor({ state: 'detached' });
    await cluster.push('rooms', { rooms: ['sports'], text: 'another goal' });
    await cluster.push('rooms', { rooms: ['news'], text: 'all over' });
    await a.sees('all over');
    expect(await a.frames('another goal').count()).toBe(0);
  });

  it('tells the round trip of a PING', async () => {
    await a.connect();
    await a.button('PING').click();
    expect(await a.entry('PONG')).toMatch(/^PONG after \d+\.\d ms$/);
  });

  it('shows hostile data as text', async () => {
    await a.connect();
    const hostile = [
      '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>',
      '</pre></li></ol><iframe src="javascript:parent.hacked=1"></iframe>',
      '<svg/onload=window.hacked=1><style>*{display:none}</style><a href="javascript:hacked=1">x</a>',
    ];
    for (const text of hostile) await cluster.push('users', { users: ['ann'], text });
    await cluster.push('users', { users: ['ann'], data: { __proto__: { polluted: 1 }, constructor: hostile } });
    await cluster.push('users', { users: ['ann'], text: `${'x'.repeat(60_000)} the end` });
    await a.sees('60008 characters in all');
    const shown = await a.root.locator('li.push-frame pre').allTextContents();
    expect(shown.slice(2).toReversed()).toEqual(hostile);
    expect(await a.root.locator('img, script, iframe, svg, style, a').count()).toBe(0);
    expect(await page.evaluate('[window.hacked, {}.polluted]')).toEqual([undefined, undefined]);
  });

  it('does not let a mistake of ours become markup', async () => {
    const refused = await page.evaluate(`(() => {
      try { document.body.innerHTML = '<b>no</b>'; return 'taken'; } catch (error) { return error.name; }
    })()`);
    expect(refused).toBe('TypeError');
    expect(browser.complaints.splice(0).join()).toContain('TrustedHTML');
  });

  it('shows a command that does the same', async () => {
    await a.connect();
    const text = `it's $HOME, "quoted" \\ and\n\`two\` lines !`;
    await page.getByLabel('Send as').selectOption('Text');
    await page.getByLabel('Message').fill(text);
    await browser.grantClipboard();
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    const copied = await page.evaluate<string>('navigator.clipboard.readText()');
    const { stdout } = await run('sh', ['-c', copied]);
    expect(JSON.parse(stdout)).toMatchObject({ id: expect.any(String) });
    const frame = a.frames('quoted');
    await frame.waitFor();
    expect(await frame.locator('pre').textContent()).toBe(text);
  });

  it('says what to do about what cannot be done', async () => {
    await a.root.getByLabel('User', { exact: true }).fill('no blanks');
    await a.button('Connect').click();
    await a.root.getByText('“no blanks” cannot be a name').waitFor();
    await push(page, { to: 'Rooms', names: '', message: '1' });
    await page.getByText('Say who gets it: Rooms is empty.').waitFor();
    await push(page, { to: 'Everybody', message: '{not JSON' });
    await page.getByText('The message is not JSON.').waitFor();
    expect(await page.locator(':focus').getAttribute('name')).toBe('message');
    await push(page, { to: 'Everybody', message: '1', type: '101' });
    await page.locator('#push-error', { hasText: '101 belongs to the protocol' }).waitFor();
    expect(browser.complaints.splice(0)).toEqual([expect.stringContaining('422')]);
  });

  it('says why the server closed a client, and what is left to do', async () => {
    await a.connect({ User: 'carl', Device: 'phone' });
    await cluster.connect('carl', { query: { device: 'phone' } });
    await a.is('Closed');
    const words = 'Closed by the server: replaced (4409). Coming back needs a change first.';
    expect(await a.root.getByRole('alert').innerText()).toBe(words);
    await a.button('Start over').click();
    await a.connect({ Device: 'tablet' });
  });

  it('stays calm in a flood', async () => {
    await a.connect();
    await page.evaluate(`new MutationObserver(() => (window.said = (window.said ?? 0) + 1))
      .observe(document.getElementById('announcer'), { childList: true })`);
    const before = numbers(1, 300).map((n) => cluster.push('users', { users: ['ann'], text: `number ${n}` }));
    await Promise.all(before);
    await cluster.push('users', { users: ['ann'], text: 'the last' });
    await a.sees('the last');
    expect(await a.root.locator('.frames li').count()).toBe(200);
    await page.locator('#announcer', { hasText: 'Client A: ' }).filter({ hasText: 'messages, the last' }).waitFor();
    // One sentence every three seconds, not one for each of three hundred.
    expect(await page.evaluate('window.said')).toBeLessThan(10);
  });

  it('works with the keyboard alone, and shows where one is', async () => {
    const tabTo = async (name: string) => {
      for (let stops = 0; stops < 60; stops += 1) {
        await page.keyboard.press('Tab');
        const at = await page.evaluate(focused);
        expect(at).toMatchObject({ outline: 'solid' });
        if (at.name === name) return;
      }
      throw new Error(`no Tab leads to ${name}`);
    };
    await tabTo('Connect');
    await page.keyboard.press('Enter');
    await a.is('Connected');
    expect(await page.evaluate(focused)).toMatchObject({ name: 'PING' });
    await tabTo('Drop');
    await page.keyboard.press('Enter');
    await a.is('Dropped');
    expect(await page.evaluate(focused)).toMatchObject({ name: 'Come back' });
    await page.keyboard.press('Enter');
    await a.is('Connected');
    await tabTo('Leave news');
    await page.keyboard.press('Space');
    await a.button('Leave news').waitFor({ state: 'detached' });
    await page.keyboard.type('sports');
    await page.keyboard.press('Enter');
    await a.button('Leave sports').waitFor();
    await tabTo('Push');
    await page.keyboard.press('Enter');
    await accepted(page);
    await a.sees('It works');
  });

  it.each(['light', 'dark'] as const)('can be read on a phone and on a desk, when it is %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await a.connect({ Rooms: `news,${'long'.repeat(30)}` });
    await push(page, { to: 'Users', message: `{"long": "${'x'.repeat(500)}", "number": 1}` });
    await a.sees('xxx');
    await b.button('Connect').click();
    await b.is('Connected');
    await b.button('Drop').click();
    for (const width of [360, 800, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      expect(await page.evaluate(horizontalOverflow)).toEqual([]);
      expect(await page.evaluate(lowContrast)).toEqual([]);
      const folder = process.env.SCREENSHOTS; // to look at what the test has seen
      if (folder) await page.screenshot({ path: `${folder}/console-${colorScheme}-${width}.png`, fullPage: true });
    }
  });
});

const focused = `(() => {
  const at = document.activeElement;
  const name = at.getAttribute('aria-label') ?? at.textContent.trim();
  return { name, outline: getComputedStyle(at).outlineStyle };
})()` as unknown as () => { name: string; outline: string };

(chromiumPath ? describe : describe.skip)('the page of a server that goes', () => {
  it('says so, and keeps what it needs to come back', async () => {
    await using cluster = await startCluster();
    await using browser = await Browser.start();
    const page = await browser.open(`${cluster.restUrls[0]}/`);
    const a = new Pane(page, 'Client A');
    await a.connect();
    await cluster.gateways[0]!.close();
    await a.is('Closed');
    const alert = a.root.getByRole('alert');
    expect(await alert.innerText()).toBe('Closed by the server: node is draining (4503). Come back when you like.');
    await a.button('Come back').click();
    await alert.filter({ hasText: 'Is it running and reachable from here?' }).waitFor();
    expect(await a.button('Come back').isVisible()).toBe(true);
    await a.button('Start over').click();
    expect(await a.root.getByLabel('User', { exact: true }).inputValue()).toBe('ann');

    await cluster.logics[0]!.close();
    await push(page, { to: 'Everybody', message: '1' });
    await page.locator('#push-error', { hasText: 'There was no answer.' }).waitFor();
    await until(() => browser.complaints.length > 1, 'what the browser says itself');
    expect(browser.complaints).toEqual([
      expect.stringMatching(/WebSocket connection .* failed/),
      expect.stringContaining('ERR_CONNECTION_REFUSED'),
    ]);
  });
});

(chromiumPath ? describe : describe.skip)('the page of a server with locks', () => {
  const key = 'a key of this test';
  const secret = 'a secret of this test that has 32 bytes';
  const locked = { API_KEYS: key.replaceAll(' ', '-'), AUTH_MODE: 'jwt', JWT_SECRET: secret };
  const token = () =>
    new SignJWT()
      .setSubject('ann')
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(secret));

  it('asks for a token and a key, and keeps neither', async () => {
    await using cluster = await startCluster({ env: { ...locked, ALLOWED_ORIGINS: '*' } });
    await using browser = await Browser.start();
    const page = await browser.open(`${cluster.restUrls[0]}/`);
    const a = new Pane(page, 'Client A');
    await a.button('Connect').click();
    await a.root.getByText('Paste a token').waitFor();
    await a.connect({ Token: await token() });
    await push(page, { to: 'Users', message: '"locked"' });
    await page.getByText('Write a key with the scope push into API key.').waitFor();
    expect(browser.complaints.splice(0)).toEqual([expect.stringContaining('401')]);
    await page.getByLabel('API key').fill(locked.API_KEYS);
    await push(page, { to: 'Users', message: '"locked"' });
    await a.sees('locked');
    const curl = await page.locator('#curl').textContent();
    expect(curl).toContain('-H "Authorization: Bearer $API_KEY"');
    expect(curl).not.toContain(locked.API_KEYS);
    await page.reload();
    expect(await page.getByLabel('API key').inputValue()).toBe('');
    expect(await page.evaluate('localStorage.length + sessionStorage.length + document.cookie.length')).toBe(0);
    expect(browser.complaints).toEqual([]);
  });

  it('says what may stand in the way of a client that is not let in', async () => {
    await using cluster = await startCluster({ env: { ...locked, ALLOWED_ORIGINS: 'https://app.example.com' } });
    await using browser = await Browser.start();
    const page = await browser.open(`${cluster.restUrls[0]}/`);
    const a = new Pane(page, 'Client A');
    await a.root.getByLabel('Token').fill(await token());
    await a.button('Connect').click();
    await a.root.getByText(`Do its ALLOWED_ORIGINS name ${cluster.restUrls[0]}?`).waitFor();
    await until(() => browser.complaints.length > 0, 'what the browser says itself');
    expect(browser.complaints).toEqual([expect.stringMatching(/WebSocket connection .* failed/)]);
    expect(await a.button('Connect').isVisible()).toBe(true);
  });
});
