import fs from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { startServer, type RunningServer } from './support/starling-process.js';

const executablePath = process.env.STARLING_CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => fs.existsSync(file));
const describeWithChromium =
  executablePath !== undefined || process.env.CI === 'true' ? describe : (name: string, tests: () => void) => describe.skip(`${name} (skipped: no Chromium; set STARLING_CHROMIUM to it)`, tests);

describeWithChromium('the chat page', () => {
  let server: RunningServer;
  let browser: Browser;
  let page: Page;
  const foreign: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    server = await startServer();
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    page = await browser.newPage();
    page.on('request', (request) => void (request.url().startsWith(server.url) || foreign.push(request.url())));
    page.on('pageerror', (error) => void complaints.push(error.message));
    page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())));
    await page.goto(server.url);
  });
  afterEach(async () => {
    await page.close();
  });

  const lastAnswer = () => page.locator('.turn.assistant').last();
  const finished = () => page.locator('.turn.assistant:last-child:not(.busy)').waitFor();

  it('takes a question and shows the answer with its rate', async () => {
    expect(await page.locator('#model').textContent()).toBe('starling-demo-q8_0');
    await page.click('#settings-open');
    await page.fill('#temperature', '0');
    await page.click('#settings .primary');
    await page.fill('#input', 'What is 12 + 7?');
    await page.keyboard.press('Enter');
    await finished();
    expect(await lastAnswer().locator('.answer').textContent()).toContain('19');
    expect(await lastAnswer().locator('.meta').textContent()).toMatch(/\d+ tokens · [\d.]+ tokens\/s/);
    await page.fill('#input', 'What is the capital of France?');
    await page.click('#send');
    await finished();
    expect(await lastAnswer().locator('.answer').textContent()).toContain('Paris');
    expect(await page.locator('.turn').count()).toBe(4);
  });

  it('stops an answer and keeps what came of it', async () => {
    // Slowed down on its way to the page, so that there is time to stop it.
    const client = await page.context().newCDPSession(page);
    await client.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: 6000, uploadThroughput: -1 });
    await page.locator('#ideas button').first().click();
    await page.waitForFunction(() => (document.querySelector('.answer')?.textContent ?? '').length > 10);
    await page.click('#send[aria-label="Stop"]');
    await finished();
    expect(await lastAnswer().locator('.meta').textContent()).toContain('Stopped');
    expect((await lastAnswer().locator('.answer').textContent())!.length).toBeGreaterThan(10);
    expect(await page.getAttribute('#send', 'aria-label')).toBe('Send');
  });

  it('begins anew, and shows text as text', async () => {
    await page.fill('#input', '<img src=x onerror=alert(1)> **bold**');
    await page.keyboard.press('Enter');
    await finished();
    expect(await page.locator('.turn.user').textContent()).toBe('<img src=x onerror=alert(1)> **bold**');
    expect(await page.locator('.turn.user img').count()).toBe(0);
    await page.click('#new-chat');
    expect(await page.locator('.turn').count()).toBe(0);
    expect(await page.locator('#welcome').isVisible()).toBe(true);
  });

  it('tells when the server refuses or is gone', async () => {
    await page.fill('#input', 'word '.repeat(1500));
    await page.keyboard.press('Enter');
    await finished();
    expect(await page.locator('.failure').textContent()).toContain('512');
    complaints.length = 0;
  });

  it('asks no other host for anything, and has nothing to complain about', () => {
    expect(foreign).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
