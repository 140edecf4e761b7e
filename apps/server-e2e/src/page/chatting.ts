import { answered, ask, lastAnswer, type PageWorld } from '../support/page-world.js';

/** What readers do with the page from the first message on. */
export function testChatting(world: PageWorld): void {
  it('takes a question and shows the answer with its figures, and the next one with what the cache spared it', async () => {
    const page = await world.open();
    expect(await page.locator('#model').inputValue()).toBe('starling-demo-q8_0');
    await page.click('#settings-open');
    await page.fill('#temperature', '0');
    await page.click('#settings .primary');
    await ask(page, 'What is 12 + 7?');
    expect(await lastAnswer(page).locator('.answer').textContent()).toContain('19');
    expect(await lastAnswer(page).locator('.figures').textContent()).toMatch(
      /\d+ tokens · [\d.]+ tokens\/s · first after .* · prompt \d+/,
    );
    await page.fill('#input', 'What is the capital of France?');
    await page.click('#send');
    await answered(page);
    expect(await lastAnswer(page).locator('.answer').textContent()).toContain('Paris');
    expect(await lastAnswer(page).locator('.figures').textContent()).toMatch(/\d+ % cached/);
    expect(await page.locator('.turn').count()).toBe(4);
  });

  it('stops an answer by Escape and keeps what came of it, also over a reload', async () => {
    const page = await world.open();
    // Slowed down on its way to the page, so that there is time to stop it.
    const client = await page.context().newCDPSession(page);
    await client.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: 6000,
      uploadThroughput: -1,
    });
    await page.locator('#ideas button').first().click();
    await page.waitForFunction(() => (document.querySelector('.answer')?.textContent ?? '').length > 10);
    expect(await page.getAttribute('#send', 'aria-label')).toBe('Stop');
    await page.keyboard.press('Escape');
    await answered(page);
    expect(await lastAnswer(page).locator('.figures').textContent()).toContain('stopped');
    const said = await lastAnswer(page).locator('.answer').textContent();
    expect(said!.length).toBeGreaterThan(10);
    expect(await page.getAttribute('#send', 'aria-label')).toBe('Send');
    await client.detach();
    await page.reload();
    await answered(page);
    expect(await lastAnswer(page).locator('.answer').textContent()).toBe(said);
  });

  it('branches where a message is changed or asked again, and goes between the branches', async () => {
    const page = await world.open();
    await ask(page, 'What is 1 + 1?');
    await ask(page, 'Spell the word river.');
    await page.locator('.turn.user').first().hover();
    await page.locator('.turn.user').first().getByRole('button', { name: 'Edit' }).click();
    await page.locator('.editor textarea').fill('What is 2 + 2?');
    await page.keyboard.press('Enter');
    await answered(page);
    expect(await page.locator('.turn').count()).toBe(2);
    expect(await page.locator('.branches').textContent()).toContain('2/2');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('.turn.assistant .branches').waitFor();
    await answered(page);
    expect(await page.locator('.turn.assistant .branches').textContent()).toContain('2/2');
    await page.locator('.turn.user').getByRole('button', { name: 'Earlier version' }).click();
    await page.locator('.bubble', { hasText: 'river' }).waitFor();
    expect(await page.locator('.bubble').allTextContents()).toEqual(['What is 1 + 1?', 'Spell the word river.']);
    await page.reload();
    await page.locator('.bubble', { hasText: 'river' }).waitFor();
    expect(await page.locator('.bubble').allTextContents()).toEqual(['What is 1 + 1?', 'Spell the word river.']);
  });

  it('tells why a message was refused, and goes on without it', async () => {
    const page = await world.open();
    await ask(page, 'word '.repeat(1500));
    expect(await page.locator('.failure').textContent()).toContain('512');
    world.complaints.length = 0;
    await ask(page, 'What is 12 + 7?');
    expect(await page.locator('.failure').count()).toBe(0);
    expect(await page.locator('.turn').count()).toBe(2);
    expect(await page.locator('.turn.user .branches').textContent()).toContain('2/2');
  });

  it('asks for answers as the settings say: text of a schema, a system message, a limit', async () => {
    const page = await world.open();
    await page.click('#settings-open');
    await page.fill('#schema', '{"type": "object"');
    await page.locator('#schema').blur();
    expect(await page.locator('#schema-problem').textContent()).toContain('not JSON');
    await page.fill(
      '#schema',
      '{"type": "object", "properties": {"answer": {"type": "integer", "maximum": 99}}, "required": ["answer"], "additionalProperties": false}',
    );
    await page.fill('#system', 'You count.');
    await page.fill('#max-tokens', '40');
    await page.click('#settings .primary');
    const request = page.waitForRequest('**/v1/chat/completions');
    await ask(page, 'What is 12 + 7?');
    expect((await request).postDataJSON()).toMatchObject({
      max_tokens: 40,
      messages: [{ role: 'system', content: 'You count.' }, { role: 'user' }],
    });
    expect(Object.keys(JSON.parse((await lastAnswer(page).locator('pre').textContent())!) as object)).toEqual([
      'answer',
    ]);
  });

  it('shows what the server does, each second', async () => {
    const page = await world.open();
    await ask(page, 'Tell me a story about a fox.');
    await page.click('#server-open');
    await page.locator('.chart svg .line[d^="M"]').first().waitFor({ state: 'attached' });
    expect(await page.locator('#server-body').textContent()).toMatch(
      /Generated tokens.*Running, of \d+.*KV memory.*in use.*cached.*free.*requests/,
    );
    await page.keyboard.press('Escape');
    expect(await page.locator('#server').isVisible()).toBe(false);
  });
}
