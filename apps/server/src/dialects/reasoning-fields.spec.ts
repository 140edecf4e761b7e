import { compileTemplate, deriveAnswerParser } from '@starling/chat';
import { createApp } from '../app.js';
import { fakeModel, fakeParts } from '../fake-parts.test-support.js';

const messages = [{ role: 'user', content: 'Hi' }];

async function asked(path: string, body: object) {
  const model = fakeModel();
  const response = await createApp(fakeParts({ served: [model] }).parts).request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages, ...body }),
  });
  return {
    request: model.requests.at(0),
    body: (await response.json()) as { error?: { param?: string; message: string } },
  };
}

describe('how a model shall reason', () => {
  it('is said by Anthropic’s fields', async () => {
    const { request } = await asked('/v1/messages', {
      max_tokens: 64,
      thinking: { type: 'enabled', budget_tokens: 32 },
      output_config: { effort: 'low' },
    });
    expect(request).toMatchObject({
      reasoningTokens: 32,
      templateVariables: { enable_thinking: true, reasoning_effort: 'low' },
    });
    const { request: none } = await asked('/v1/messages', { max_tokens: 64, thinking: { type: 'disabled' } });
    expect(none).toMatchObject({ templateVariables: { enable_thinking: false } });
    expect(none?.reasoningTokens).toBeUndefined();
  });

  it.each([
    ['reasoning_budget_tokens', 16, 16],
    ['thinking_budget_tokens', 0, 0],
    ['reasoning_budget_tokens', -1, Infinity],
  ])('is said by llama-server’s %s: %s', async (name, value, tokens) => {
    expect((await asked('/v1/chat/completions', { [name]: value })).request).toMatchObject({ reasoningTokens: tokens });
  });
});

describe('how much a model shall reason', () => {
  it.each([
    ['/v1/chat/completions', { reasoning_effort: 'abc' }, 'reasoning_effort'],
    ['/v1/responses', { input: 'Hi', reasoning: { effort: 'abc' } }, 'reasoning.effort'],
    ['/v1/messages', { max_tokens: 4, output_config: { effort: 'abc' } }, 'output_config.effort'],
    [
      '/v1/messages',
      { max_tokens: 4, thinking: { type: 'enabled', budget_tokens: 4, display: 'abc' } },
      'thinking.display',
    ],
  ])('is refused on %s where no API knows it: %j', async (path, more, name) => {
    const { request, body } = await asked(path, more);
    expect(request).toBeUndefined();
    expect(body.error?.message).toContain(`"${name}"`);
  });
});

describe('what Anthropic’s clients do not want to see', () => {
  const template = compileTemplate(
    '{% for m in messages %}<|{{ m.role }}|>{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}',
  );
  const app = createApp(
    fakeParts({
      served: [
        {
          ...fakeModel({ answer: ['<think>', 'Hm.', '\n</think>', '\n\nYes.'] }),
          answerParser: deriveAnswerParser(template),
        },
      ],
    }).parts,
  );
  const ask = async (display: string, stream: boolean) =>
    (
      await app.request('/v1/messages', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ messages, max_tokens: 9, thinking: { type: 'adaptive', display }, stream }),
      })
    ).text();

  it('are thoughts: their block is there, and empty', async () => {
    expect((JSON.parse(await ask('omitted', false)) as { content: object[] }).content).toEqual([
      { type: 'thinking', thinking: '', signature: '' },
      { type: 'text', text: 'Yes.' },
    ]);
    expect((JSON.parse(await ask('summarized', false)) as { content: object[] }).content).toMatchObject([
      { thinking: 'Hm.' },
      {},
    ]);
    const streamed = await ask('omitted', true);
    expect(streamed).not.toContain('thinking_delta');
    expect(streamed).toMatch(
      /"content_block":\{"type":"thinking"[^]*signature_delta[^]*content_block_stop[^]*"text":"Yes."/,
    );
    expect(await ask('summarized', true)).toContain('thinking_delta');
  });
});

describe('a schema of Anthropic’s clients', () => {
  it.each([
    ['output_config', (format: object) => ({ format })],
    ['output_format', (format: object) => format],
  ])('stands in %s', async (name, fieldOf) => {
    const schema = { type: 'object', properties: { a: { type: 'boolean' } } };
    expect(
      (await asked('/v1/messages', { max_tokens: 64, [name]: fieldOf({ type: 'json_schema', schema }) })).request,
    ).toMatchObject({ jsonSchema: schema });
  });
});

describe('OpenAI’s fields that cannot be had', () => {
  it.each([
    ['web_search_options', {}],
    ['function_call', 'auto'],
    ['functions', [{ name: 'f' }]],
    ['audio', { voice: 'x' }],
    ['tool_choice', { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [] } }],
  ])('are refused by name: %s', async (name, value) => {
    const { request, body } = await asked('/v1/chat/completions', { [name]: value });
    expect(request).toBeUndefined();
    expect(body.error).toMatchObject({ param: name });
  });
});
