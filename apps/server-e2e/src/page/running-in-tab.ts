import fs from 'node:fs';
import type { Page } from 'playwright-core';
import { demoModel } from '../support/engine-site.js';
import { ask, lastAnswer, type PageWorld } from '../support/page-world.js';
import { startServer, type RunningServer } from '../support/starling-process.js';

const QUESTION = 'What is 12 + 7?';
const TOOLS = [{ name: 'weather', parameters: { type: 'object' } }];
const FILE = '/v1/models/starling-demo-q8_0/file';
/** Bytes that are fetched and kept at a time. */
const PIECE = 2 ** 20;

async function answerOfServer(url: string, more: object = {}): Promise<string> {
  const body = JSON.stringify({ messages: [{ role: 'user', content: QUESTION }], ...more });
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  return ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0].message.content;
}

/** What a page is fetching from now on: ranges of the model's file, and paths of what else is asked of the server. */
function watch(page: Page): { readonly ranges: (string | undefined)[]; readonly others: string[] } {
  const seen = { ranges: [] as (string | undefined)[], others: [] as string[] };
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (pathname === FILE) seen.ranges.push(request.headers().range);
    else seen.others.push(pathname);
  });
  return seen;
}

/** The chat page of a server that lets it run the model. */
export function testRunningInTab(world: PageWorld): void {
  let server: RunningServer;
  beforeAll(async () => (server = await startServer(['--browser-engine', '--temp', '0', '-n', '7'])));
  afterAll(() => server.stop());

  async function open(): Promise<{ page: Page; complaints: string[] }> {
    const complaints: string[] = [];
    const page = await world.openAt('about:blank');
    page.on('pageerror', (error) => void complaints.push(error.message));
    page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())));
    await page.goto(server.url);
    await page.click('#settings-open');
    await page.locator('#in-tab').waitFor();
    return { page, complaints };
  }

  it('says what the server says, from a model that is fetched once', async () => {
    const { page, complaints } = await open();
    await page.check('#in-tab');
    await page.check('#chances');
    await page.click('#settings .primary');
    expect(await page.locator('#whereabouts').textContent()).toContain('in this tab');
    const first = watch(page);
    await ask(page, QUESTION);
    const expected = await answerOfServer(server.url);
    expect((await lastAnswer(page).locator('.answer').textContent())!.trim()).toBe(expected.trim());
    expect(await lastAnswer(page).locator('.figures').textContent()).toMatch(
      /\d+ tokens · [\d.]+ tokens\/s · first after .* · prompt \d+/,
    );
    expect(await page.locator('#in-tab-state').textContent()).toMatch(/in this tab, with \d+ thread/);
    expect(first.ranges).toHaveLength(Math.ceil(fs.statSync(demoModel).size / PIECE));
    expect(first.ranges.every((range) => /^bytes=\d+-\d+$/.test(range ?? ''))).toBe(true);
    expect(first.others).not.toContain('/v1/chat/completions');
    await page.reload();
    const second = watch(page);
    await page.locator('#model option').first().waitFor({ state: 'attached' });
    await ask(page, QUESTION);
    // What tells that the file is still the same.
    expect(second.ranges).toEqual([`bytes=0-${PIECE - 1}`]);
    expect(complaints).toEqual([]);
  });

  it('has tools, as the server has', async () => {
    const { page } = await open();
    await page.check('#in-tab');
    await page.fill('#tools', JSON.stringify(TOOLS));
    await page.fill('#max-tokens', '30');
    await page.click('#settings .primary');
    await ask(page, QUESTION);
    const expected = await answerOfServer(server.url, {
      tools: TOOLS.map((one) => ({ type: 'function', function: one })),
      max_tokens: 30,
    });
    expect((await lastAnswer(page).locator('.answer').textContent())!.trim()).toBe(expected.trim());
  });

  it('stops, and goes back to the server', async () => {
    const { page } = await open();
    await page.check('#in-tab');
    await page.click('#settings .primary');
    // The model does not come: there is time to stop.
    const isAsked = new Promise<void>((resolve) => void page.route(`**${FILE}`, () => resolve()));
    await page.fill('#input', QUESTION);
    await page.keyboard.press('Enter');
    await isAsked;
    await page.keyboard.press('Escape');
    await lastAnswer(page).locator('.figures').filter({ hasText: 'stopped' }).waitFor();
    await page.click('#settings-open');
    await page.uncheck('#in-tab');
    await page.click('#settings .primary');
    const seen = watch(page);
    await ask(page, QUESTION);
    expect(seen.others).toContain('/v1/chat/completions');
    expect(await page.locator('#in-tab-state').isVisible()).toBe(false);
  });

  it('is not offered by a server that was not told so', async () => {
    const page = await world.open();
    await page.click('#settings-open');
    await page.locator('#chances').waitFor();
    expect(await page.locator('#in-tab').isVisible()).toBe(false);
    const answers = await Promise.all(
      [FILE, '/web/starling-web.js', '/web/chat.js'].map((path) => fetch(`${world.url}${path}`)),
    );
    expect(answers.map(({ status, headers }) => [status, headers.get('cross-origin-embedder-policy')])).toEqual([
      [404, null],
      [404, null],
      [200, null],
    ]);
  });
}
