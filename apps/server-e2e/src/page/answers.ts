import { answered, answerWith, ask, chunksOf, lastAnswer, type PageWorld } from '../support/page-world.js';

/** How answers of all kinds are shown, hostile ones too. */
export function testAnswers(world: PageWorld): void {
  it('shows what a model writes as text: no element of it, no script, no link that does something', async () => {
    const page = await world.open();
    const hostile = [
      '<img src=x onerror="window.hacked=1"> <script>window.hacked=1</script> <iframe src="//evil.example"></iframe>',
      '[click](javascript:window.hacked=1) [data](data:text/html,<script>window.hacked=1</script>) ![pixel](https://evil.example/p.png)',
      '```html"><img src=x onerror=window.hacked=1>\n<script>window.hacked=1</script>\n```',
      '<a href="javascript:window.hacked=1">a</a> `<b>`',
    ].join('\n\n');
    await answerWith(page, chunksOf([{ reasoning_content: hostile }, { content: hostile }]));
    await ask(page, '<img src=x onerror=alert(1)> **bold**');
    expect(await page.locator('.bubble').textContent()).toBe('<img src=x onerror=alert(1)> **bold**');
    expect(
      await page
        .locator('.turn :is(script, iframe, img[src="x"], img[src*="evil"], b, a:not([href^="https://"]))')
        .count(),
    ).toBe(0);
    expect(await lastAnswer(page).locator('.answer').last().textContent()).toContain(
      '<script>window.hacked=1</script>',
    );
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
  });

  it('shows tables, links, lists in lists, and code in colours that can be copied', async () => {
    const page = await world.open({ permissions: ['clipboard-read', 'clipboard-write'] });
    const code = 'const a = 1; // one\nlet b = "two";';
    await answerWith(
      page,
      chunksOf(
        [
          `# Title\n\n| a | b |\n|--|--:|\n| 1 | 2 |\n\n1. one\n   - two\n     - three\n\n[there](https://a.example/b) and ![picture](https://a.example/p.png)\n\n`,
          '```ts\n',
          code,
          '\n```\n',
        ].map((content) => ({ content })),
      ),
    );
    await ask(page, 'Show me.');
    const answer = lastAnswer(page).locator('.answer');
    expect(await answer.locator('table td').allTextContents()).toEqual(['1', '2']);
    expect(await answer.locator('ol > li > ul > li > ul > li').textContent()).toBe('three');
    expect(
      await answer
        .locator('a')
        .evaluateAll((links) =>
          links.map((link) => [link.getAttribute('href'), link.getAttribute('rel'), link.getAttribute('target')]),
        ),
    ).toEqual([
      ['https://a.example/b', 'noopener noreferrer nofollow', '_blank'],
      ['https://a.example/p.png', 'noopener noreferrer nofollow', '_blank'],
    ]);
    expect(await answer.locator('.hl-keyword').allTextContents()).toEqual(['const', 'let']);
    expect(await answer.locator('pre').textContent()).toBe(code);
    await answer.getByRole('button', { name: 'Copy the code' }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(code);
  });

  it('folds reasoning away', async () => {
    const page = await world.open();
    const asked = await answerWith(
      page,
      chunksOf([{ reasoning_content: 'Let me think of ' }, { reasoning_content: 'foxes.' }, { content: 'A fox.' }]),
    );
    await ask(page, 'Name an animal.');
    const reasoning = lastAnswer(page).locator('.reasoning');
    expect(await reasoning.locator('.answer').isVisible()).toBe(false);
    await reasoning.locator('summary').click();
    expect(await reasoning.locator('.answer').textContent()).toBe('Let me think of foxes.');
    await ask(page, 'Another.');
    expect(asked[1].messages[1]).toEqual({
      role: 'assistant',
      content: 'A fox.',
      reasoning_content: 'Let me think of foxes.',
    });
  });

  it('shows calls of tools, asks for their results, and sends them back', async () => {
    const page = await world.open();
    const call = [
      { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'weather', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"city": ' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '"Oslo"}' } }] },
    ];
    const asked = await answerWith(page, chunksOf(call, 'tool_calls'), chunksOf([{ content: 'It is cold.' }]));
    await page.click('#settings-open');
    await page.fill('#tools', '[{"name": "weather", "parameters": {"type": "object"}}]');
    await page.click('#settings .primary');
    await ask(page, 'How is the weather?');
    expect(asked[0]).toMatchObject({ tools: [{ type: 'function', function: { name: 'weather' } }] });
    expect(await lastAnswer(page).locator('.call').textContent()).toMatch(/weather.*"city": "Oslo"/s);
    await page.locator('.results textarea').fill('{"degrees": -3}');
    await page.getByRole('button', { name: 'Send the result' }).click();
    await page.locator('.turn.tool').waitFor();
    await answered(page);
    expect(await lastAnswer(page).locator('.answer').textContent()).toBe('It is cold.');
    expect(asked[1].messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city": "Oslo"}' } }],
      },
      { role: 'tool', content: '{"degrees": -3}', tool_call_id: 'call_1' },
    ]);
  });

  it('tells the probabilities of tokens to the pointer and to arrow keys', async () => {
    const page = await world.open();
    await page.click('#settings-open');
    await page.fill('#temperature', '0');
    await page.check('#chances');
    await page.click('#settings .primary');
    await ask(page, 'What is 12 + 7?');
    await page.getByRole('button', { name: 'Token probabilities' }).click();
    await page.locator('.token', { hasText: '=' }).hover();
    expect(await page.locator('.chances-card .chosen').textContent()).toMatch(/=.*\d %/);
    expect(await page.locator('.chances-card > div').count()).toBe(5);
    await page.locator('.token').first().focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.evaluate(() => (document.activeElement as HTMLElement).dataset.index)).toBe('1');
    await page.getByRole('button', { name: 'Token probabilities' }).click();
    expect(await page.locator('.chances').count()).toBe(0);
    expect(await lastAnswer(page).locator('.answer').textContent()).toContain('19');
  });

  it('takes an answer of a hundred thousand characters in 5,000 pieces', async () => {
    const page = await world.open();
    await answerWith(
      page,
      chunksOf(
        Array.from({ length: 5000 }, (_, i) => ({
          content: i % 40 === 0 ? `\n\n- item ${i} ` : 'a **bold** text, and so on ',
        })),
      ),
    );
    await ask(page, 'Tell me everything.');
    expect((await lastAnswer(page).locator('.answer').textContent())!.length).toBeGreaterThan(100_000);
    await answerWith(page, chunksOf([{ content: 'short' }]));
    await ask(page, 'Again.');
    expect(await lastAnswer(page).locator('.answer').textContent()).toBe('short');
  });
}
