import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { golden } from '../../../../tools/fixtures/fixtures.js';
import { axeViolations } from '../support/axe-check.js';
import type { PageWorld } from '../support/page-world.js';
import { repositoryRoot } from '../support/starling-process.js';

/** A minute of work on a machine of its own. */
export const SITE_LIMIT_MS = 900_000;

/** How the build of the site went. */
export interface SiteBuild {
  readonly code: number;
  readonly said: string;
}

/** Builds the site as `npm run site` does, into where a server finds it. */
export function buildSite(signal: AbortSignal): Promise<SiteBuild> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(repositoryRoot, 'tools/site.mjs')],
      { env, cwd: repositoryRoot, signal },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), said: stdout + stderr });
      },
    );
  });
}

/** The documents' site below `/docs`: what runs in its pages. */
export function testSite(world: PageWorld, built: () => SiteBuild): void {
  /** A page below `/docs`; afterwards nothing may have been complained of, and nobody else been asked. */
  async function visit(
    route: string,
    act: (page: Page) => Promise<void>,
    options: Parameters<PageWorld['open']>[0] = {},
  ): Promise<void> {
    const page = await world.open(options);
    world.complaints.length = 0;
    await page.goto(`${world.url}/docs${route}`);
    await act(page);
    expect(world.complaints).toEqual([]);
    expect(world.foreign).toEqual([]);
  }
  const playground = (name: string, act: (page: Page) => Promise<void>, options = {}): Promise<void> =>
    visit(
      `/site/playgrounds/${name}.html`,
      async (page) => {
        await page.getByTestId(name).waitFor();
        await act(page);
      },
      options,
    );
  const failure = (page: Page): Promise<string> => page.locator('.live-failure').innerText();
  const drop = async (page: Page, file: { readonly name: string; readonly text: string }): Promise<void> => {
    const transfer = await page.evaluateHandle(({ name, text }) => {
      const files = new DataTransfer();
      files.items.add(new File([text], name));
      return files;
    }, file);
    await page.locator('.live-drop').dispatchEvent('drop', { dataTransfer: transfer });
  };

  it('is built without a warning or a dead link, and is led to from /docs', async () => {
    expect(built()).toEqual({ code: 0, said: expect.not.stringMatching(/warn|dead/i) });
    await visit('', async (page) => {
      await page.getByRole('link', { name: 'playgrounds' }).click();
      await page.getByRole('link', { name: 'Get started' }).click();
      await page.locator('h1', { hasText: 'Getting started' }).waitFor();
    });
  });

  it('shows a text in tokens: those that the server cuts it into, and by other vocabularies, too', async () => {
    await playground('tokenizer', async (page) => {
      const content = 'The capital of France.\nGröße 東京 🐦';
      await page.locator('.token').first().waitFor();
      await page.getByLabel('Text', { exact: true }).fill(content);
      await page.locator('.token', { hasText: '🐦' }).waitFor();
      const { tokens } = (await (
        await fetch(`${world.url}/tokenize`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ content }),
        })
      ).json()) as { tokens: number[] };
      expect(
        await page.locator('.token').evaluateAll((all) => all.map((one) => Number((one as HTMLElement).dataset.id))),
      ).toEqual(tokens);
      await page.locator('.token').first().focus();
      await page.keyboard.press('ArrowRight');
      expect(await page.locator('.live-facts').innerText()).toMatch(new RegExp(`id\\s+${tokens[1]}\\s`));
      await page.getByRole('combobox').selectOption({ label: 'A small WordPiece, as BERT has it' });
      await page.locator('.live-figures', { hasText: 'another text' }).waitFor();
      await drop(page, { name: 'mine.json', text: '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}' });
      expect(await failure(page)).toMatch(/^invalid_vocabulary .*mine\.json/);
    });
  });

  it('shows how far a text follows a grammar, and which characters may come next', async () => {
    await playground('grammar', async (page) => {
      const next = async (): Promise<string[]> => page.locator('.next kbd').allInnerTexts();
      await page.locator('.next kbd', { hasText: 'a to z' }).waitFor();
      expect(await next()).toEqual(['!', '.', 'a to z', 'ä', 'ö', 'ü']);
      await page.getByLabel('Text', { exact: true }).fill('Good eve, you');
      await page.locator('.live-figures', { hasText: 'stops to match at character 9' }).waitFor();
      expect([
        await page.locator('.matched .taken').innerText(),
        await page.locator('.matched mark').innerText(),
        ...(await next()),
      ]).toEqual(['Good eve', ', you', 'n']);
      await page.getByLabel('GBNF').last().fill('root ::= missing');
      expect(await failure(page)).toMatch(/^invalid_grammar .*missing/);
      await page.getByLabel('JSON Schema').first().check();
      await page.locator('.next kbd', { hasText: '}' }).waitFor();
      expect(await next()).toContain('0');
      await page.getByLabel('JSON Schema').last().fill('{"type": "string", "minLenght": 1}');
      expect(await failure(page)).toMatch(/^invalid_grammar .*minLenght/);
      await page.getByLabel('Regular expression').first().check();
      await page.locator('.next kbd', { hasText: '0 to 2' }).waitFor();
    });
  });

  it("shows what a model's file says of itself, and refuses what only looks like one", async () => {
    await playground('gguf', async (page) => {
      await page.setInputFiles('input[type=file]', golden.demoModel);
      await page.getByRole('region', { name: 'Tensors' }).waitFor();
      expect(
        await page.getByRole('region', { name: 'Tensors' }).getByRole('row', { name: 'token_embd.weight' }).innerText(),
      ).toMatch(/Q8_0\s+192 × 1536/);
      expect(
        await page
          .getByRole('region', { name: 'Metadata' })
          .getByRole('row', { name: 'general.architecture' })
          .innerText(),
      ).toMatch(/string\s+llama/);
      await page.getByLabel('Show what has this').fill('ffn_down');
      expect(await page.getByRole('region', { name: 'Metadata' }).getByRole('row').count()).toBe(1);
      await drop(page, { name: 'hostile.gguf', text: `GGUF\u0003\0\0\0${'\x7f'.repeat(16)}` });
      expect(await failure(page)).toMatch(/^invalid_model_file .*hostile\.gguf/);
    });
  });

  it.each(['tokenizer', 'grammar', 'gguf'])(
    'fits narrow windows, and is there for everybody, in the dark, too: %s',
    async (name) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await playground(
          name,
          async (page) => {
            if (name === 'gguf') await page.setInputFiles('input[type=file]', golden.demoModel);
            await page
              .locator(name === 'gguf' ? '.live-table' : '.live-figures')
              .first()
              .waitFor();
            expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
            expect(await axeViolations(page)).toEqual([]);
          },
          { viewport: { width: 360, height: 740 }, colorScheme },
        );
      }
    },
  );

  it.each(['ai-provider', 'core', 'engine', 'kernels', 'telemetry', 'transformer'])(
    'runs the example of a README as it says: %s',
    async (library) => {
      const readme = fs.readFileSync(path.join(repositoryRoot, 'libs', library, 'README.md'), 'utf8');
      await visit(`/site/libraries/${library}.html`, async (page) => {
        await page.getByRole('button', { name: 'Run the example' }).click();
        const output = page.locator('.live-output[aria-busy=false]');
        await output.waitFor();
        expect((await output.innerText()).trim()).toBe(/^```text\n([\s\S]*?)^```/m.exec(readme)![1].trim());
      });
    },
  );

  it.each([
    ['sampler', 'theorem'],
    ['jinja', '<|assistant|>'],
    ['kvcache', '10 pages free'],
    ['scheduler', '11 of the prompt'],
    ['chat', '<|im_start|>assistant'],
    ['models', "quant: 'Q4_K_M'"],
    ['tokenizer', 'tokens of'],
    ['grammar', 'Next may come'],
    ['gguf', 'Drop a GGUF file'],
    ['server', 'Ask the server that this page came from'],
    ['testing', 'Ask the next question'],
  ])('has something to try on the page of %s', async (library, shown) => {
    await visit(`/site/libraries/${library}.html`, async (page) => {
      await page.locator('.example', { hasText: shown }).waitFor();
      expect(await page.locator('.example .live-failure').count()).toBe(0);
    });
  });

  it('asks the server that it came from, and a model that says what a script has', async () => {
    await visit('/site/libraries/server.html', async (page) => {
      await page.getByRole('button', { name: 'Ask' }).click();
      await page.locator('.example .live-output', { hasText: 'The capital of France is Paris.' }).waitFor();
    });
    await visit('/site/libraries/testing.html', async (page) => {
      const ask = page.getByRole('button', { name: 'Ask the next question' });
      await ask.click();
      await page.locator('.example .live-output', { hasText: "content: 'Hello!'" }).waitFor();
      await ask.click();
      await page.locator('.example .live-output', { hasText: "name: 'weather'" }).waitFor();
      await ask.click();
      await page.locator('.example .live-failure', { hasText: 'queue_full' }).waitFor();
    });
  });
}
