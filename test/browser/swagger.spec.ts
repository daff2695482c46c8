import type { Locator, Page } from 'playwright-core';
import { Browser, chromiumPath } from '../support/browser.js';
import { startCluster, type Cluster } from '../support/cluster.js';
import { operationsOf, type OpenApi, type Operation } from '../support/openapi.js';

const key = 'a-key-of-this-test';

(chromiumPath ? describe : describe.skip)('the Swagger page', () => {
  let cluster: Cluster;
  let browser: Browser;
  let page: Page;
  let operations: Operation[];
  beforeAll(async () => {
    cluster = await startCluster({ env: { API_KEYS: key } });
    // Whom the examples speak of.
    await cluster.connect('u1', { rooms: ['live:1000'], query: { device: 'phone' } });
    operations = operationsOf((await cluster.get<OpenApi>('/docs-json')).body);
    browser = await Browser.start({ viewport: { width: 1280, height: 1000 } });
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    page = await browser.open(`${cluster.restUrls[0]}/docs`);
    await page.locator('.opblock').first().waitFor();
  });
  afterEach(() => page.close());

  const blockOf = ({ object }: Operation): Locator =>
    page.locator(`[id="operations-${object.tags![0]!.replaceAll(' ', '_')}-${object.operationId}"]`);

  /** Expands a route, executes it as the page offers it and answers the status that the page shows. */
  async function execute(operation: Operation): Promise<string> {
    const block = blockOf(operation);
    await block.locator('.opblock-summary-control').click();
    const tryOut = block.getByRole('button', { name: 'Try it out' });
    if (await tryOut.isVisible()) await tryOut.click();
    await block.getByRole('button', { name: 'Execute' }).click();
    const shown = block.locator('.live-responses-table tbody .response-col_status').first();
    await shown.waitFor();
    const folder = process.env.SCREENSHOTS; // to look at what the test has seen
    if (folder) await block.screenshot({ path: `${folder}/swagger-${operation.object.operationId}.png` });
    const status = /^\s*(\d{3})/.exec(await shown.innerText())?.[1] ?? (await shown.innerText());
    await block.locator('.opblock-summary-control').click(); // as if untouched, or the page grows and grows
    return status;
  }

  async function authorize(): Promise<void> {
    await page.locator('.auth-wrapper > .authorize').click();
    const dialog = page.locator('.dialog-ux .modal-ux');
    await dialog.locator('input').first().fill(key);
    await dialog.getByRole('button', { name: 'Apply credentials' }).first().click();
    await dialog.getByRole('button', { name: 'Remove authorization' }).first().waitFor();
    await dialog.locator('.btn-done').first().click();
  }

  const online = () => operations.find(({ path, method }) => path === '/v1/online' && method === 'GET')!;

  it('takes a key by its button', async () => {
    expect(await execute(online())).toBe('401');
    await authorize();
    expect(await execute(online())).toBe('200');
    await page.evaluate('localStorage.clear()');
  });

  it('executes every route as it stands, to an answer that is documented', async () => {
    await authorize();
    const wrong: string[] = [];
    for (const operation of operations) {
      const status = await execute(operation);
      const documented = Object.keys(operation.object.responses);
      if (status < '500' && documented.includes(status)) continue;
      wrong.push(`${operation.method} ${operation.path}: ${status}, but documented are ${documented.join(', ')}`);
    }
    expect(wrong).toEqual([]);
    expect(operations.length).toBeGreaterThan(0);
  }, 300_000); // a second a route, more on a busy machine
});
