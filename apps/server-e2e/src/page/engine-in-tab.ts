import { Starling } from '@starling/engine';
import type * as Web from '@starling/engine/web';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { EngineSite, demoModel } from '../support/engine-site.js';
import type { PageWorld } from '../support/page-world.js';
import { repositoryRoot } from '../support/starling-process.js';

/** What is asked of the engine in all places that it runs in: greedy and seeded, a chat and a text. */
const REQUESTS = [
  { messages: [{ role: 'user', content: 'What is 12 + 7?' }], temperature: 0, maxTokens: 24 },
  {
    messages: [{ role: 'user', content: 'What is the capital of France?' }],
    seed: 7,
    temperature: 0.9,
    topP: 0.95,
    maxTokens: 24,
  },
  { prompt: 'The starling', seed: 1234, temperature: 1.3, topK: 0, minP: 0.01, n: 2, maxTokens: 32 },
];

type Engine = Pick<typeof Web, 'loadInWorker' | 'cachedModels'>;

/** Bytes that are fetched and kept at a time. */
const PIECE = 2 ** 20;

const { size } = fs.statSync(demoModel);
const sha256 = createHash('sha256').update(fs.readFileSync(demoModel)).digest('hex');

/** Likelihoods to so many digits: the last ones are the exponential function's of each version of V8. */
const DIGITS = 12;

/** What the engine says on a page: of each answer its tokens, and how likely they were. */
async function answersOn(
  page: Page,
  source: 'url' | 'file',
  options: Pick<Web.WebLoadOptions, 'threads'>,
): Promise<{ readonly threads: number; readonly answers: unknown[] }> {
  return page.evaluate(
    async ({ requests, from, options: given, digits }) => {
      const { loadInWorker } = (await import('./starling-web.js' as string)) as Engine;
      const chosen = document.querySelector<HTMLInputElement>('#file')?.files?.[0];
      const model = await loadInWorker(from === 'file' ? chosen! : './model.gguf', { deterministic: true, ...given });
      const results = await Promise.all(
        requests.map((request) => model.generate({ ...request, logprobs: 0 }).result()),
      );
      const answers = results.map(({ samples }) =>
        samples.map(({ tokens, logprobs }) => [tokens, logprobs?.map(({ logprob }) => logprob.toFixed(digits))]),
      );
      const { threads } = model.info;
      await model.close();
      return { threads, answers };
    },
    { requests: REQUESTS, from: source, options, digits: DIGITS },
  );
}

/** Loads the model and gives it back: `loaded`, or the code of what was wrong. */
function outcomeOf(
  page: Page,
  source: Partial<Web.RemoteModel>,
  options: Pick<Web.WebLoadOptions, 'threads'> = {},
): Promise<string> {
  return page.evaluate(
    async ({ from, given }) => {
      const { loadInWorker } = (await import('./starling-web.js' as string)) as Engine;
      try {
        await (await loadInWorker({ url: './model.gguf', ...from }, given)).close();
        return 'loaded';
      } catch (error) {
        return (error as Web.StarlingError).code;
      }
    },
    { from: source as Partial<Omit<Web.RemoteModel, 'url'>> & { url?: string }, given: options },
  );
}

const heldOn = (page: Page): Promise<Web.CachedModel[]> =>
  page.evaluate(async () => ((await import('./starling-web.js' as string)) as Engine).cachedModels());

/** Changes a byte of the file that the browser holds. */
async function damageOnPage(position: number): Promise<void> {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('starling-models');
  for await (const entry of (folder as unknown as { values(): AsyncIterable<FileSystemDirectoryHandle> }).values()) {
    const file = await (await entry.getFileHandle('data')).createWritable({ keepExistingData: true });
    await file.write({ type: 'write', position, data: new Uint8Array([1, 2, 3, 4]) });
    await file.close();
  }
}

/** What comes of requests that cannot be done. */
async function refusalsOnPage() {
  const { loadInWorker } = (await import('./starling-web.js' as string)) as Engine;
  const codeOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'done',
      (error: Web.StarlingError) => error.code,
    );
  const loading = new AbortController();
  const loaded = codeOf(loadInWorker('./model.gguf', { signal: loading.signal }));
  loading.abort();
  const model = await loadInWorker('./model.gguf');
  const sent = await codeOf(
    (async () => model.generate({ prompt: 'a', stop: [(() => 'b') as unknown as string] }).result())(),
  );
  const result = {
    loading: await loaded,
    file: await codeOf(loadInWorker(new Blob(['no model at all'.repeat(9)]))),
    request: await codeOf(model.generate({ prompt: 'a', maxTokens: -1 }).result()),
    sent,
    embedding:
      (await model.tokenize('The starling')).length > 0 &&
      (await model.detokenize(await model.tokenize('The starling', { addSpecial: false }))) === 'The starling',
  };
  await model.close();
  return { ...result, closed: await codeOf(model.tokenize('a')) };
}

/** Two answers that are stopped, one by a signal and one by leaving the loop, beside one that is not. */
async function stopOnPage() {
  const { loadInWorker } = (await import('./starling-web.js' as string)) as Engine;
  const model = await loadInWorker('./model.gguf');
  const stop = new AbortController();
  // With so many alternatives an answer that nobody reads waits long before it is over.
  const endless = {
    logprobs: 100,
    prompt: 'The',
    maxTokens: 400,
    seed: 1,
    temperature: 5,
    minP: 0,
    topK: 0,
    ignoreEos: true,
  };
  const signalled = model.generate({ ...endless, signal: stop.signal });
  const left = model.generate(endless);
  const other = model.generate({ prompt: 'The', maxTokens: 12, seed: 2, temperature: 5, minP: 0, topK: 0 });
  let parts = 0;
  for await (const part of left) if (part.kind === 'token' && ++parts === 3) break;
  stop.abort();
  const reader = other.textStream().getReader();
  const streamed = (await reader.read()).value !== undefined;
  const end = await signalled.result();
  const answer = await other.result();
  const statistics = await model.statistics();
  const result = {
    signalled: end.stopReason.kind,
    tokens: end.tokens.length,
    left: (await left.result()).stopReason.kind,
    other: answer.finishReason,
    streamed,
    running: statistics.running,
  };
  await model.close();
  return result;
}

async function answersOfNode(): Promise<unknown[]> {
  const model = await Starling.load(demoModel, { inline: true, deterministic: true });
  const results = await Promise.all(REQUESTS.map((request) => model.generate({ ...request, logprobs: 0 }).result()));
  await model.close();
  return results.map(({ samples }) =>
    samples.map(({ tokens, logprobs }) => [tokens, logprobs?.map(({ logprob }) => logprob.toFixed(DIGITS))]),
  );
}

/** The engine in a worker of a page, from its one built file. */
export function testEngineInTab(world: PageWorld): void {
  const site = new EngineSite();
  let expected: unknown[];

  beforeAll(async () => {
    await site.start();
    expected = await answersOfNode();
  });
  afterAll(() => site.stop());

  it('says the same as in Node, token by token, with threads and without', async () => {
    const page = await world.openAt(`${site.url}/isolated/`);
    expect(await answersOn(page, 'url', { threads: 2 })).toEqual({ threads: 2, answers: expected });
    await page.goto(`${site.url}/plain/`);
    expect(await answersOn(page, 'url', {})).toEqual({ threads: 1, answers: expected });
    expect(site.asked.every((range) => range.startsWith('bytes='))).toBe(true);
  });

  it('takes a file that the user chose', async () => {
    const page = await world.openAt(`${site.url}/plain/`);
    await page.setContent('<input type="file" id="file">');
    site.asked.length = 0;
    await page.setInputFiles('#file', demoModel);
    expect(await answersOn(page, 'file', {})).toEqual({ threads: 1, answers: expected });
    expect(site.asked).toEqual([]);
  });

  it('goes on with a download that was cut, then needs no server, and mends what is damaged', async () => {
    const page = await world.openAt(`${site.url}/plain/`);
    // The first piece, and one of the two that follow.
    site.budget = 2 * PIECE;
    expect(await outcomeOf(page, {})).toBe('download_failed');
    expect(await heldOn(page)).toEqual([{ url: `${site.url}/plain/model.gguf`, size, heldBytes: 2 * PIECE }]);
    site.budget = Infinity;
    site.asked.length = 0;
    expect(await answersOn(page, 'url', {})).toEqual({ threads: 1, answers: expected });
    // What tells the file's size, and the piece that was missing.
    expect(site.asked).toHaveLength(2);
    site.isUp = false;
    expect(await outcomeOf(page, { sha256 })).toBe('loaded');
    await page.evaluate(damageOnPage, PIECE + 7);
    expect(await outcomeOf(page, {})).toBe('checksum_mismatch');
    site.isUp = true;
    site.asked.length = 0;
    expect(await outcomeOf(page, {})).toBe('loaded');
    expect(site.asked).toContain(`bytes=${PIECE}-${2 * PIECE - 1}`);
    expect(await outcomeOf(page, { sha256: '0'.repeat(64) })).toBe('checksum_mismatch');
    expect((await heldOn(page)).map(({ heldBytes }) => heldBytes)).not.toContain(size);
  });

  it('takes a file as a whole from a server that gives no parts, kept or not', async () => {
    const page = await world.openAt(`${site.url}/plain/`);
    site.givesRanges = false;
    expect(await outcomeOf(page, { cache: false, sha256 })).toBe('loaded');
    expect(await outcomeOf(page, {})).toBe('loaded');
    expect((await heldOn(page)).map(({ heldBytes }) => heldBytes)).toEqual([size]);
    site.givesRanges = true;
  });

  it('tells with the codes of Node what it cannot do', async () => {
    const page = await world.openAt(`${site.url}/plain/`);
    expect(await outcomeOf(page, { url: './nothing.gguf' })).toBe('file_not_found');
    expect(await outcomeOf(page, { url: './' })).toBe('download_failed');
    expect(await outcomeOf(page, {}, { threads: 2 })).toBe('not_supported');
    expect(await page.evaluate(refusalsOnPage)).toEqual({
      loading: 'cancelled',
      file: 'invalid_model_file',
      request: 'invalid_request',
      sent: 'invalid_argument',
      embedding: true,
      closed: 'closed',
    });
  });

  it('answers in examples/browser, as it is', async () => {
    const program = spawn(process.execPath, [path.join(repositoryRoot, 'examples/browser/serve.mjs')], {
      env: { ...process.env, NODE_OPTIONS: '', PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      let said = '';
      for await (const text of program.stdout.setEncoding('utf8')) if ((said += String(text)).includes('\n')) break;
      const page = await world.openAt(said.trim());
      await page
        .locator('#status')
        .filter({ hasText: /answers, with \d+ thread/ })
        .waitFor();
      await page.click('#ask');
      await page
        .locator('#status')
        .filter({ hasText: /^stop: / })
        .waitFor();
      expect(await page.locator('#answer').textContent()).toBe('The capital of France is Paris.');
    } finally {
      program.kill('SIGKILL');
    }
  });

  it('stops an answer when it is told to, and answers others meanwhile', async () => {
    const page = await world.openAt(`${site.url}/isolated/`);
    const said = await page.evaluate(stopOnPage);
    expect(said).toMatchObject({
      signalled: 'cancelled',
      left: 'cancelled',
      other: 'length',
      streamed: true,
      running: 0,
    });
    expect(said.tokens).toBeLessThan(400);
  });
}
