import fs from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { axeViolations } from '../support/axe-check.js';
import { answerWith, ask, chunksOf, lastAnswer, type PageWorld } from '../support/page-world.js';
import { repositoryRoot } from '../support/starling-process.js';

/** Where pictures of the page are left for people. */
const PICTURES = path.join(repositoryRoot, 'tmp/page');

/** Mean brightness of a picture of the page, 0 to 255. */
async function brightness(page: Page, name: string): Promise<number> {
  fs.mkdirSync(PICTURES, { recursive: true });
  const picture = await page.screenshot({ path: path.join(PICTURES, `${name}.png`) });
  return page.evaluate(
    async (source) => {
      const image = new Image();
      image.src = source;
      await image.decode();
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [32, 32];
      const drawing = canvas.getContext('2d')!;
      drawing.drawImage(image, 0, 0, 32, 32);
      const { data } = drawing.getImageData(0, 0, 32, 32);
      return data.reduce((sum, value, i) => (i % 4 === 3 ? sum : sum + value), 0) / (32 * 32 * 3);
    },
    `data:image/png;base64,${picture.toString('base64')}`,
  );
}

/** Sizes, colours, keys. */
export function testLooks(world: PageWorld): void {
  it.each([320, 360])('fits a window %d px wide, also with long names and long words', async (width) => {
    const page = await world.open({ viewport: { width, height: 640 } });
    await ask(page, 'x'.repeat(200));
    await page.evaluate(() => {
      const option = document.querySelector<HTMLOptionElement>('#model option')!;
      option.textContent = 'a-model-whose-name-is-'.repeat(8);
    });
    const widths = await page.evaluate(() => ({
      page: document.documentElement.scrollWidth,
      main: document.getElementById('scroll')!.scrollWidth - document.getElementById('scroll')!.clientWidth,
      rights: [...document.querySelectorAll('#model, #server-open, #settings-open, #send, .turn, .turn .quiet')].map(
        (part) => part.getBoundingClientRect().right,
      ),
    }));
    expect(widths).toMatchObject({ page: width, main: 0 });
    expect(widths.rights.length).toBeGreaterThan(7);
    for (const right of widths.rights) expect(right).toBeLessThanOrEqual(width);
    await page.click('#sidebar-open');
    expect(await page.locator('.conversation').evaluate((part) => part.getBoundingClientRect().right)).toBeLessThan(
      width,
    );
    await page.keyboard.press('Escape');
    expect(await page.locator('#sidebar').isVisible()).toBe(false);
    await page.click('#settings-open');
    expect(await page.locator('#settings').evaluate((sheet) => sheet.scrollWidth - sheet.clientWidth)).toBe(0);
  });

  it('follows the colours of the system, and those that are chosen before those', async () => {
    const page = await world.open({ colorScheme: 'dark' });
    await ask(page, 'What is 12 + 7?');
    expect(await brightness(page, 'dark')).toBeLessThan(60);
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await brightness(page, 'light')).toBeGreaterThan(200);
    await page.click('#settings-open');
    await page.selectOption('#theme', 'dark');
    await page.click('#settings .primary');
    await page.reload();
    expect(await brightness(page, 'chosen-dark')).toBeLessThan(60);
  });

  it.each(['light', 'dark'] as const)('keeps to what axe asks of pages for everybody: %s', async (colorScheme) => {
    const page = await world.open({ colorScheme });
    const check = async (): Promise<void> => expect(await axeViolations(page)).toEqual([]);
    await check();
    await page.click('#settings-open');
    await page.check('#chances');
    await page.fill('#schema', '{');
    await page.locator('#schema').blur();
    await check();
    await page.fill('#schema', '');
    await page.click('#settings .primary');
    await ask(page, 'What is 12 + 7?');
    await page.getByRole('button', { name: 'Token probabilities' }).click();
    await check();
    await answerWith(
      page,
      chunksOf(
        [
          { reasoning_content: 'hm' },
          {
            content:
              '# Title\n\n- [x] done\n\n| a |\n|--|\n| b |\n\n```js\nlet a = "b"; // c\n```\n> said [link](https://a.example)',
          },
          { tool_calls: [{ index: 0, id: 'x', function: { name: 'f', arguments: '{}' } }] },
        ],
        'tool_calls',
      ),
    );
    await ask(page, 'And now?');
    await lastAnswer(page).locator('.reasoning summary').click();
    await check();
    await page.click('#server-open');
    await page.locator('.chart').first().waitFor();
    await check();
  });

  it('can be used with the keyboard alone', async () => {
    const page = await world.open();
    await page.keyboard.type('What is 12 + 7?');
    await page.keyboard.press('Enter');
    await page.locator('.turn.assistant:last-child:not(.busy)').waitFor();
    const reach = async (name: string): Promise<void> => {
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press('Tab');
        if (
          (await page.evaluate(
            () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim(),
          )) === name
        )
          return;
      }
      expect(`no ${name} within 40 steps`).toBe('');
    };
    await reach('More for What is 12 + 7?');
    await page.keyboard.press('Enter');
    await page.keyboard.press('ArrowDown');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Export');
    await page.keyboard.press('Escape');
    await reach('Edit');
    await page.keyboard.press('Enter');
    await page.keyboard.type(' And 5 + 5?');
    await page.keyboard.press('Enter');
    await page.locator('.turn.user .branches').waitFor();
    expect(await page.locator('.bubble').textContent()).toBe('What is 12 + 7? And 5 + 5?');
  });

  it('asks no other host for anything, and has nothing to complain about', () => {
    expect(world.foreign).toEqual([]);
    expect(world.complaints).toEqual([]);
  });
}
