import fs from 'node:fs';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { startServer, type RunningServer } from './starling-process.js';

const named = process.env.CHROMIUM_PATH;

/** A path that is named stands alone: one that leads nowhere says that there is none. */
export const executablePath = (
  named ? [named] : ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
).find((file) => fs.existsSync(file));

/** How long a page may take over anything, on a slow machine: short of the limit of a test, so that what was waited for is told. */
const PAGE_LIMIT_MS = 150_000;

/** A server, a browser, and for each test a page in a profile of its own. */
export class PageWorld {
  /** Requests to other hosts: there shall be none. */
  readonly foreign: string[] = [];
  /** What pages complained of on their console. */
  readonly complaints: string[] = [];
  #server: RunningServer | undefined;
  #browser: Browser | undefined;
  #context: BrowserContext | undefined;
  #page: Page | undefined;

  get url(): string {
    return this.#server!.url;
  }

  get page(): Page {
    return this.#page!;
  }

  async start(): Promise<void> {
    this.#server = await startServer();
    this.#browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], timeout: PAGE_LIMIT_MS });
  }

  /** Another server in the place of the first; the browser stays. */
  async restart(): Promise<void> {
    await this.close();
    await this.#server?.stop();
    this.#server = await startServer();
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
    await this.#server?.stop();
  }

  /** Opens a page as somebody who was never here. */
  async open(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    await this.close();
    this.#context = await this.#browser!.newContext(options);
    this.#context.setDefaultTimeout(PAGE_LIMIT_MS);
    this.#page = await this.tab();
    return this.#page;
  }

  /** The same on another site: an empty page. */
  async openAt(url: string): Promise<Page> {
    await this.close();
    this.#context = await this.#browser!.newContext();
    this.#context.setDefaultTimeout(PAGE_LIMIT_MS);
    this.#page = await this.#context.newPage();
    await this.#page.goto(url);
    return this.#page;
  }

  /** One more tab of the same person. */
  async tab(): Promise<Page> {
    const page = await this.#context!.newPage();
    page.on(
      'request',
      (request) =>
        void (
          /^(blob|data):/.test(request.url()) ||
          request.url().startsWith(this.url) ||
          this.foreign.push(request.url())
        ),
    );
    page.on('pageerror', (error) => void this.complaints.push(error.message));
    page.on('console', (message) => void (message.type() === 'error' && this.complaints.push(message.text())));
    await page.goto(this.url);
    await page.locator('#model option').first().waitFor({ state: 'attached' });
    return page;
  }

  async close(): Promise<void> {
    await this.#context?.close();
    this.#context = undefined;
  }
}

/** Sends a message and waits until its answer has come to an end. */
export async function ask(page: Page, text: string): Promise<void> {
  await page.fill('#input', text);
  await page.keyboard.press('Enter');
  await page.locator('.turn.user').last().filter({ hasText: text.trim() }).waitFor();
  await answered(page);
}

/** Waits until the last turn is a whole answer. */
export async function answered(page: Page): Promise<void> {
  await page.locator('.turn.assistant:last-child:not(.busy)').waitFor();
}

export const lastAnswer = (page: Page) => page.locator('.turn.assistant').last();

/** Lets the page be answered with these chunks in place of what the model would say; gives the bodies that were asked with. */
export async function answerWith(
  page: Page,
  ...answers: readonly (readonly object[])[]
): Promise<{ messages: Record<string, unknown>[]; [field: string]: unknown }[]> {
  const asked: { messages: Record<string, unknown>[] }[] = [];
  await page.route('**/v1/chat/completions', async (route) => {
    const chunks = answers[Math.min(asked.length, answers.length - 1)];
    asked.push(route.request().postDataJSON() as { messages: Record<string, unknown>[] });
    const body = [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]']
      .map((data) => `data: ${data}\n\n`)
      .join('');
    await route.fulfill({ contentType: 'text/event-stream', body });
  });
  return asked;
}

/** Chunks of an answer: its deltas, and how it ends. */
export const chunksOf = (deltas: readonly object[], finishReason = 'stop'): object[] => [
  ...deltas.map((delta) => ({ model: 'm', choices: [{ index: 0, delta }] })),
  { choices: [{ index: 0, delta: {}, finish_reason: finishReason }] },
];
