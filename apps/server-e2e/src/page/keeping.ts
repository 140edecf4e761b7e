import fs from 'node:fs';
import type { Page } from 'playwright-core';
import { answered, ask, type PageWorld } from '../support/page-world.js';

const titles = (page: Page) => page.locator('.conversation').allTextContents();

async function menu(page: Page, title: string, entry: string): Promise<void> {
  await page.locator('.list li', { hasText: title }).hover();
  await page.getByRole('button', { name: `More for ${title}` }).click();
  await page.getByRole('menuitem', { name: entry }).click();
}

/** Gives the page a file to import. */
async function importText(page: Page, text: string): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await page.click('#import');
  await (await chooser).setFiles({
    name: 'conversations.json',
    mimeType: 'application/json',
    buffer: Buffer.from(text),
  });
}

/** What the browser keeps of conversations. */
export function testKeeping(world: PageWorld): void {
  it('lists, finds, renames, and deletes conversations, and takes a deletion back', async () => {
    const page = await world.open();
    await ask(page, 'What is 12 + 7?');
    await page.click('#new-chat');
    expect(await page.locator('#welcome').isVisible()).toBe(true);
    await ask(page, 'What is the capital of France?');
    expect(await titles(page)).toEqual(['What is the capital of France?', 'What is 12 + 7?']);
    await menu(page, 'What is 12 + 7?', 'Rename');
    await page.locator('.rename').fill('Sums');
    await page.keyboard.press('Enter');
    await page.locator('.conversation', { hasText: 'Sums' }).waitFor();
    await page.fill('#search', '12 + 7');
    await page.waitForFunction(() => document.querySelectorAll('.conversation').length === 1);
    expect(await titles(page)).toEqual(['Sums']);
    await page.locator('.conversation').click();
    expect(await page.locator('.bubble').textContent()).toBe('What is 12 + 7?');
    await page.fill('#search', 'nothing like it');
    await page.locator('#none-found').waitFor();
    await page.fill('#search', '');
    await page.locator('.conversation').nth(1).waitFor();
    await menu(page, 'Sums', 'Delete');
    await page.locator('#welcome').waitFor();
    expect(await titles(page)).toEqual(['What is the capital of France?']);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.locator('.conversation', { hasText: 'Sums' }).click();
    await page.reload();
    await answered(page);
    expect(await titles(page)).toEqual(expect.arrayContaining(['Sums', 'What is the capital of France?']));
    expect(await page.locator('.turn').count()).toBe(2);
  });

  it('exports conversations and imports them again, beside those that are there', async () => {
    const page = await world.open();
    await ask(page, 'What is 12 + 7?');
    const download = page.waitForEvent('download');
    await page.click('#export');
    const file = await (await download).path();
    const text = fs.readFileSync(file, 'utf8');
    expect((await download).suggestedFilename()).toBe('What-is-12-7.json');
    expect(JSON.parse(text)).toMatchObject({
      format: 'starling-conversations',
      version: 1,
      conversations: [{ conversation: { title: 'What is 12 + 7?' }, turns: [{ role: 'user' }, { role: 'assistant' }] }],
    });
    await importText(page, text);
    await page.locator('.conversation').nth(1).waitFor();
    expect(await titles(page)).toEqual(['What is 12 + 7?', 'What is 12 + 7?']);
  });

  it('refuses to import what is no file of conversations, with the reason', async () => {
    const page = await world.open();
    await importText(page, '{"format": "other", "conversations": []}');
    const told = page.locator('.notice', { hasText: 'could not be imported' });
    await told.waitFor();
    expect(await told.textContent()).toContain('format');
    expect(await page.locator('.conversation').count()).toBe(0);
  });

  it('shows what was imported as text, whatever it holds', async () => {
    const page = await world.open();
    const script = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
    await importText(
      page,
      JSON.stringify(
        hostileFile(
          { id: '__proto__', text: script },
          {
            id: '"><b>',
            parent: '__proto__',
            role: 'assistant',
            text: script,
            reasoning: script,
            answer: { model: script, end: 'failed', failure: { code: 'constructor', message: script } },
            calls: [{ id: 'x', name: script, arguments: script }],
          },
        ),
      ),
    );
    await page.locator('.conversation').click();
    await answered(page);
    expect(await page.locator('.bubble').textContent()).toBe(script);
    expect(await page.locator('.turn img[src="x"], .turn script, .turn b').count()).toBe(0);
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
  });

  it('shares conversations between two tabs: neither overwrites the other, and a deletion is seen in both', async () => {
    const page = await world.open();
    await ask(page, 'What is 1 + 1?');
    const other = await world.tab();
    await other.locator('.conversation').click();
    await answered(other);
    await ask(other, 'What is 2 + 2?');
    await page.locator('.bubble', { hasText: '2 + 2' }).waitFor();
    await answered(page);
    await ask(page, 'What is 3 + 3?');
    await other.locator('.bubble', { hasText: '3 + 3' }).waitFor();
    await other.reload();
    await other.locator('.bubble', { hasText: '3 + 3' }).waitFor();
    expect(await other.locator('.bubble').allTextContents()).toEqual([
      'What is 1 + 1?',
      'What is 2 + 2?',
      'What is 3 + 3?',
    ]);
    await menu(other, 'What is 1 + 1?', 'Delete');
    await page.locator('.notice', { hasText: 'deleted in another tab' }).waitFor();
    expect(await page.locator('#welcome').isVisible()).toBe(true);
    await other.close();
  });

  it('goes on, and says so, when the browser has no room left', async () => {
    const page = await world.open();
    await ask(page, 'What is 1 + 1?');
    await page.evaluate(() => {
      IDBObjectStore.prototype.put = () => {
        throw new DOMException('full', 'QuotaExceededError');
      };
    });
    await ask(page, 'What is 2 + 2?');
    expect(await page.locator('#banner').textContent()).toContain('no room');
    expect(await page.locator('.turn').count()).toBe(4);
    await page.click('#new-chat');
    await ask(page, 'What is 3 + 3?');
    await page.locator('.conversation', { hasText: '1 + 1' }).click();
    await page.locator('.bubble', { hasText: '2 + 2' }).waitFor();
    expect(await page.locator('.turn').count()).toBe(4);
  });
}

/** A file with one conversation of these turns. */
function hostileFile(...turns: readonly object[]): object {
  return {
    format: 'starling-conversations',
    version: 1,
    conversations: [
      {
        conversation: { title: '<b>bold</b>', createdAt: 0, updatedAt: 0, settings: {} },
        turns: turns.map((turn) => ({ role: 'user', text: 'x', at: 0, ...turn })),
      },
    ],
  };
}
