import { createApp } from '../../app.js';
import { fakeModel, fakeParts, type FakeModelOptions } from '../../fake-parts.test-support.js';
import { readEvents } from '../../web/event-stream.js';

const messages = [{ role: 'user', content: 'Weather?' }];
const tools = [
  {
    type: 'function',
    function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  },
];
const call = (city: string): string =>
  `<tool_call>\n{"name": "get_weather", "arguments": {"city": "${city}"}}\n</tool_call>`;
const answer = ['Let me see. ', call('Paris').slice(0, 40), call('Paris').slice(40), call('Oslo')];

function setUp(options: FakeModelOptions = {}) {
  const model = fakeModel({ answer, ...options });
  const app = createApp(fakeParts({ served: [model] }).parts);
  const post = (body: object) =>
    app.request('/v1/generate', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const ask = async (body: object) => (await (await post(body)).json()) as Record<string, unknown>;
  const stream = async (body: object) => {
    const events: { event: string; data: Record<string, unknown> }[] = [];
    for await (const { event, data } of readEvents((await post({ ...body, stream: true })).body!))
      events.push({ event: event ?? '', data: JSON.parse(data) as Record<string, unknown> });
    return events;
  };
  return { model, post, ask, stream };
}

interface Delta {
  readonly content?: string;
  readonly tool_calls?: readonly {
    readonly index: number;
    readonly id?: string;
    readonly function: { readonly name?: string; readonly arguments: string };
  }[];
}

describe('an answer that may call tools', () => {
  it('is read as a message, beside the text as it was written', async () => {
    const { ask, model } = setUp();
    const body = await ask({ messages, tools });
    expect(body).toMatchObject({
      text: answer.join(''),
      finish_reason: 'tool_calls',
      message: {
        role: 'assistant',
        content: expect.stringContaining('Let me see.'),
        tool_calls: ['Paris', 'Oslo'].map((city) => ({
          type: 'function',
          function: { name: 'get_weather', arguments: JSON.stringify({ city }).replace(':', ': ') },
        })),
      },
    });
    expect(model.requests[0]).toMatchObject({ toolCalls: { choice: 'auto', parallel: true }, tools });
  });

  it('streams the same as deltas', async () => {
    const { stream, ask } = setUp();
    const events = await stream({ messages, tools });
    expect(new Set(events.map(({ event }) => event))).toEqual(new Set(['delta', 'done']));
    const deltas = events.filter(({ event }) => event === 'delta').map(({ data }) => data as Delta);
    const calls: { name?: string; arguments: string; id?: string }[] = [];
    for (const { index, id, function: of } of deltas.flatMap(({ tool_calls: list }) => list ?? [])) {
      if (of.name !== undefined) calls[index] = { name: of.name, arguments: '', id };
      calls[index].arguments += of.arguments;
    }
    const { message } = (await ask({ messages, tools })) as {
      message: { content: string; tool_calls: { function: object }[] };
    };
    expect(calls.map(({ name, arguments: text }) => ({ name, arguments: text }))).toEqual(
      message.tool_calls.map(({ function: of }) => of),
    );
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    expect(
      deltas
        .map(({ content }) => content ?? '')
        .join('')
        .trim(),
    ).toBe(message.content.trim());
    expect(events.at(-1)!.data).toMatchObject({ finish_reason: 'tool_calls', usage: { completion_tokens: 4 } });
    expect(events.at(-1)!.data).not.toHaveProperty('text');
  });

  it('goes on from calls and results', async () => {
    const { ask, model } = setUp({ answer: ['Sunny.'] });
    const history = [
      ...messages,
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', function: { name: 'get_weather', arguments: { city: 'Paris' } } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'sun' },
    ];
    expect(await ask({ messages: history, tools, tool_choice: 'none' })).toMatchObject({
      text: 'Sunny.',
      finish_reason: 'stop',
      message: { role: 'assistant', content: 'Sunny.' },
    });
    expect(model.requests[0].messages).toEqual([
      messages[0],
      {
        role: 'assistant',
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'get_weather', arguments: { city: 'Paris' } } }],
      },
      history[2],
    ]);
  });

  it.each([
    [{ prompt: 'a', tools }, 'tools'],
    [{ messages, tools, tool_choice: { type: 'function', function: { name: 'other' } } }, 'tool_choice'],
    [{ messages, tool_choice: 'required' }, 'tool_choice'],
    [{ messages: [{ role: 'user' }], tools }, 'messages[0].content'],
    [{ messages, tools: [{ type: 'function', function: { name: 'a', kind: 1 } }] }, 'tools[0].function.kind'],
    [{ messages, n: 129 }, 'n'],
  ])('is refused of %j by %s', async (body, param) => {
    const { post, model } = setUp();
    const response = await post(body);
    expect([response.status, await response.json()]).toEqual([400, { error: expect.objectContaining({ param }) }]);
    expect(model.requests).toEqual([]);
  });
});
