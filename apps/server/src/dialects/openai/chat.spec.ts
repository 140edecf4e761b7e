import { compileTemplate, deriveAnswerParser } from '@starling/chat';
import fc from 'fast-check';
import { createApp } from '../../app.js';
import { fakeModel, fakeParts } from '../../fake-parts.test-support.js';
import { InputReader } from './input-reader.js';

const tools = [
  {
    type: 'function',
    function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  },
];
const messages = [{ role: 'user', content: 'How is it in Rome?' }];

interface Choice {
  readonly message?: {
    readonly content: string | null;
    readonly tool_calls?: readonly { readonly function: { readonly name: string; readonly arguments: string } }[];
  };
  readonly delta?: { readonly content?: string | null };
  readonly finish_reason: string | null;
  readonly warnings?: readonly string[];
}

/** The choice of a chat that the model answers with these tokens, and the choices of its chunks when it is streamed. */
async function ask(
  answer: readonly string[],
  body: object,
): Promise<{ readonly whole: Choice; readonly chunks: readonly Choice[] }> {
  const app = createApp(fakeParts({ served: [fakeModel({ answer })] }).parts);
  const post = async (more: object): Promise<string> =>
    (
      await app.request('/v1/chat/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ messages, ...body, ...more }),
      })
    ).text();
  const choiceOf = (text: string): Choice => (JSON.parse(text) as { choices: Choice[] }).choices[0];
  const events = (await post({ stream: true })).split('\n\n').map((event) => event.replace(/^data: /, ''));
  return { whole: choiceOf(await post({})), chunks: events.filter((event) => event.startsWith('{')).map(choiceOf) };
}

const streamed = (chunks: readonly Choice[]): string => chunks.map(({ delta }) => delta?.content ?? '').join('');

describe('a chat', () => {
  it('says nothing of how an answer was read that was read whole', async () => {
    const { whole, chunks } = await ask(['<tool_call>{"name": "get_', 'weather", "arguments": {}}</tool_call>'], {
      tools,
    });
    expect(whole).toMatchObject({
      message: { content: null, tool_calls: [{ function: { name: 'get_weather', arguments: '{}' } }] },
      finish_reason: 'tool_calls',
    });
    expect([whole, ...chunks].filter((choice) => 'warnings' in choice)).toEqual([]);
  });

  it('says that a call was cut, and gives what there is of it', async () => {
    const { whole, chunks } = await ask(['<tool_call>{"name": "get_', 'weather", "arguments": {"ci'], { tools });
    expect(whole).toMatchObject({
      message: { tool_calls: [{ function: { name: 'get_weather', arguments: '{"ci' } }] },
      warnings: ['tool_call_cut'],
    });
    expect(chunks.filter(({ finish_reason: reason }) => reason !== null)).toMatchObject([
      { warnings: ['tool_call_cut'] },
    ]);
  });

  it('says that a call was missed, and gives it as content', async () => {
    const answer = ['<tool_call>{"name": "get_', 'rain", "arguments": {}}</tool_call>'];
    const { whole, chunks } = await ask(answer, { tools });
    expect(whole).toMatchObject({
      message: { content: answer.join('') },
      finish_reason: 'stop',
      warnings: ['tool_call_missed'],
    });
    expect([streamed(chunks), chunks.at(-1)?.warnings]).toEqual([answer.join(''), ['tool_call_missed']]);
  });

  it('takes the fence off JSON that was asked for, and off nothing else', async () => {
    const answer = ['```json\n{"a"', ': 1}\n``', '`'];
    const { whole, chunks } = await ask(answer, { response_format: { type: 'json_object' } });
    expect([whole.message?.content, streamed(chunks)]).toEqual(['{"a": 1}', '{"a": 1}']);
    expect((await ask(answer, {})).whole.message?.content).toBe(answer.join(''));
  });

  it('has as reasoning what stands in reasoning that the template began', async () => {
    const template = compileTemplate(
      '{% for m in messages %}<|{{ m.role }}|>{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% if begins %}<think>\n{% endif %}{% endif %}',
    );
    const model = fakeModel({ answer: ['Hm.\n</think>', '\n\nYes.'] });
    const begins = {
      ...model,
      answerParser: deriveAnswerParser(template),
      generate: async (request: Parameters<typeof model.generate>[0]) => ({
        ...(await model.generate(request)),
        promptText: template.render(request.messages ?? [], { variables: { begins: true } }).text,
      }),
    };
    const app = createApp(fakeParts({ served: [begins] }).parts);
    const response = await app.request('/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages }),
    });
    expect(await response.json()).toMatchObject({
      choices: [{ message: { content: 'Yes.', reasoning_content: 'Hm.' } }],
    });
  });

  it('counts the tokens that it reasoned with, alike in a stream and on /v1/responses', async () => {
    const template = compileTemplate(
      '{% for m in messages %}<|{{ m.role }}|>{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}',
    );
    const model = {
      ...fakeModel({ answer: ['<think>', 'Hm', '.', '\n</think>', '\n\nYes', '.'] }),
      answerParser: deriveAnswerParser(template),
    };
    const app = createApp(fakeParts({ served: [model] }).parts);
    const post = async (path: string, body: object) =>
      (
        await app.request(path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      ).text();
    const usage = { completion_tokens: 6, completion_tokens_details: { reasoning_tokens: 4 } };
    expect(JSON.parse(await post('/v1/chat/completions', { messages }))).toMatchObject({ usage });
    const chunks = (
      await post('/v1/chat/completions', { messages, stream: true, stream_options: { include_usage: true } })
    )
      .split('\n')
      .flatMap((line) => (line.startsWith('data: {') ? [JSON.parse(line.slice(6)) as object] : []));
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
    expect(JSON.parse(await post('/v1/responses', { input: 'How is it?' }))).toMatchObject({
      usage: { output_tokens: 6, output_tokens_details: { reasoning_tokens: 4 } },
    });
    expect(JSON.parse(await post('/v1/messages', { messages, max_tokens: 9 }))).toMatchObject({
      usage: { output_tokens: 6, output_tokens_details: { thinking_tokens: 4 } },
    });
  });

  it('tells what it took with the last chunk that has data', async () => {
    const { chunks } = await ask(['a', 'b'], {});
    expect(chunks.filter((one) => one.finish_reason !== null)).toHaveLength(1);
    const app = createApp(fakeParts({ served: [fakeModel()] }).parts);
    const text = await (
      await app.request('/v1/chat/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ messages, stream: true }),
      })
    ).text();
    const last = text
      .split('\n')
      .filter((line) => line.startsWith('data: {'))
      .at(-1)!;
    expect(JSON.parse(last.slice(6))).toMatchObject({
      choices: [{ finish_reason: 'stop', delta: {} }],
      timings: { predicted_n: 3 },
    });
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
  });

  it('goes on with the last message as the model does, white space and all', async () => {
    const { whole, chunks } = await ask([' ', 'warm.'], {
      messages: [...messages, { role: 'assistant', content: 'It is' }],
      continue_final_message: true,
    });
    expect([whole.message?.content, streamed(chunks)]).toEqual([' warm.', ' warm.']);
  });
});

describe('a custom tool', () => {
  const custom = (format?: object) => [
    { type: 'custom', custom: { name: 'shell', description: 'Runs it.', ...(format && { format }) } },
    ...tools,
  ];
  const answer = [
    '<tool_call>{"name": "shell", "arg',
    'uments": {"input": "ls \\',
    'n\\ud83d',
    '\\ude00\\"x"}}</tool_call>',
    '<tool_call>{"name": "get_weather", "arguments": {}}</tool_call>',
  ];
  const input = 'ls \n😀"x';
  const calls = [
    { id: expect.stringMatching(/^call_/) as unknown, type: 'custom', custom: { name: 'shell', input } },
    { id: expect.any(String) as unknown, type: 'function', function: { name: 'get_weather', arguments: '{}' } },
  ];

  async function asked(path: string, body: object, model = fakeModel({ answer })) {
    const response = await createApp(fakeParts({ served: [model] }).parts).request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { model, status: response.status, text: await response.text() };
  }

  it('is called with a text, in one piece and in several', async () => {
    const { text, model } = await asked('/v1/chat/completions', {
      messages,
      tools: custom(),
      tool_choice: { type: 'custom', custom: { name: 'shell' } },
    });
    expect(JSON.parse(text)).toMatchObject({
      choices: [{ message: { content: null, tool_calls: calls }, finish_reason: 'tool_calls' }],
    });
    expect(model.requests[0]).toMatchObject({
      toolCalls: { choice: { name: 'shell' } },
      tools: [{ type: 'function', function: { name: 'shell', parameters: { required: ['input'] } } }, tools[0]],
    });
    const stream = await asked('/v1/chat/completions', { messages, tools: custom(), stream: true });
    const deltas = stream.text.split('\n').flatMap((line) =>
      line.startsWith('data: {')
        ? ((
            JSON.parse(line.slice(6)) as {
              choices: { delta: { tool_calls?: { index: number; custom?: { name?: string; input: string } }[] } }[];
            }
          ).choices[0].delta.tool_calls ?? [])
        : [],
    );
    const own = deltas.filter(({ index }) => index === 0);
    expect(own[0]).toEqual({ index: 0, id: expect.any(String), type: 'custom', custom: { name: 'shell', input: '' } });
    expect(
      own
        .slice(1)
        .map((delta) => delta.custom?.input)
        .join(''),
    ).toBe(input);
    for (const delta of own.slice(1)) expect(Object.keys(delta)).toEqual(['index', 'custom']);
  });

  it('is an item of its own on /v1/responses, with events of its own', async () => {
    const flat = [
      { type: 'custom', name: 'shell' },
      { type: 'function', name: 'get_weather' },
      { type: 'custom', name: 'patch', format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' } },
    ];
    const { text, model } = await asked('/v1/responses', { input: 'Go.', tools: flat });
    expect(JSON.parse(text)).toMatchObject({
      status: 'completed',
      output: [
        { type: 'custom_tool_call', id: expect.stringMatching(/^ctc_/), name: 'shell', input, status: 'completed' },
        { type: 'function_call', name: 'get_weather', arguments: '{}' },
      ],
    });
    // A grammar that is not known is one of the tools that nobody is shown.
    expect(model.requests[0].tools?.map((one) => one.function.name)).toEqual(['shell', 'get_weather']);
    const stream = (await asked('/v1/responses', { input: 'Go.', tools: flat, stream: true })).text;
    const names = Array.from(stream.matchAll(/^event: response\.(.*)$/gm), ([, name]) => name);
    expect([...new Set(names)].slice(2, 6)).toEqual([
      'output_item.added',
      'custom_tool_call_input.delta',
      'custom_tool_call_input.done',
      'output_item.done',
    ]);
    expect(
      (await asked('/v1/responses', { input: 'Go.', tools: flat, tool_choice: { type: 'custom', name: 'patch' } }))
        .status,
    ).toBe(400);
  });

  it('has calls in what was said before', async () => {
    const said = [
      ...messages,
      { role: 'assistant', tool_calls: [{ id: 'c', type: 'custom', custom: { name: 'shell', input: 'a"b' } }] },
      { role: 'tool', tool_call_id: 'c', content: 'x' },
    ];
    const { model } = await asked('/v1/chat/completions', { messages: said, tools: custom() });
    expect(model.requests[0].messages?.[1]).toMatchObject({
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'shell', arguments: '{"input":"a\\"b"}' } }],
    });
  });

  it('is held to a pattern, and refused with a grammar that is not known', async () => {
    const { model } = await asked('/v1/chat/completions', {
      messages,
      tools: custom({ type: 'grammar', grammar: { syntax: 'regex', definition: 'a|b' } }),
    });
    expect(model.requests[0].tools?.[0]).toMatchObject({
      function: { parameters: { properties: { input: { type: 'string', pattern: '^(?:a|b)$' } } } },
    });
    const refused = await asked('/v1/chat/completions', {
      messages,
      tools: custom({ type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "a"' } }),
    });
    expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
      400,
      { error: { param: 'tools[0].custom.format.grammar.syntax' } },
    ]);
  });

  it('is named to the model as one whose pattern is enforced or refused, like a function that says so, and free ones are not', async () => {
    const regex = { type: 'grammar', grammar: { syntax: 'regex', definition: 'a|b' } };
    const withStrict = [
      ...custom(regex),
      { type: 'function', function: { name: 'exact', strict: true } },
      { type: 'function', function: { name: 'free', strict: false } },
      { type: 'custom', custom: { name: 'text' } },
    ];
    const { model } = await asked('/v1/chat/completions', { messages, tools: withStrict });
    expect(model.requests[0].toolCalls).toMatchObject({ lenient: true, strict: ['shell', 'exact'] });
    expect(JSON.stringify(model.requests[0].tools)).not.toContain('strict');
    const flat = [
      { type: 'custom', name: 'shell', format: { type: 'grammar', ...regex.grammar } },
      { type: 'function', name: 'exact', strict: true, parameters: {} },
      { type: 'function', name: 'free', parameters: {} },
    ];
    const responses = await asked('/v1/responses', { input: 'Go.', tools: flat });
    expect(responses.model.requests[0].toolCalls).toMatchObject({ lenient: true, strict: ['shell', 'exact'] });
  });

  it('gets its text however its JSON comes, and what was no such JSON as it is', () => {
    const read = (pieces: readonly string[]) => {
      const reader = new InputReader();
      return pieces.map((piece) => reader.push(piece)).join('') + reader.end();
    };
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat(60)), fc.boolean(), (value, cuts, isEscaped) => {
        const json = JSON.stringify({ input: value }).replace(/[^ -~]/g, (sign) =>
          isEscaped
            ? Array.from(
                { length: sign.length },
                (_, i) => `\\u${sign.charCodeAt(i).toString(16).padStart(4, '0')}`,
              ).join('')
            : sign,
        );
        const at = [0, ...cuts.map((cut) => cut % json.length).sort((a, b) => a - b), json.length];
        expect(read(at.slice(1).map((end, i) => json.slice(at[i], end)))).toBe(value);
      }),
    );
    expect(
      ['{"other": "x"}', '{"inp', '{"input": "a\\', '{"input": "\\x\\ud83d\\u0041zzzzzz"}'].map((text) =>
        read([...text]),
      ),
    ).toEqual(['{"other": "x"}', '', 'a', '\\x\ud83dAzzzzzz']);
  });
});
