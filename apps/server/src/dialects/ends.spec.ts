import { createApp } from '../app.js';
import { fakeModel, fakeParts } from '../fake-parts.test-support.js';

/** A call that is whole with its first token, and what the model would write behind it. */
const answer = ['<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>', '\n'];
const parameters = { type: 'object', properties: { city: { type: 'string' } } };
const nested = [{ type: 'function', function: { name: 'get_weather', parameters } }];
const messages = [{ role: 'user', content: 'Weather?' }];

/** A body by the tokens of the answer, the word for its end in a whole body, and those in a stream. */
const APIS: readonly (readonly [path: string, bodyOf: (tokens: number) => object, ended: string, cut: string])[] = [
  [
    '/v1/chat/completions',
    (tokens) => ({ messages, tools: nested, max_tokens: tokens }),
    '"finish_reason":"tool_calls"',
    '"finish_reason":"length"',
  ],
  [
    '/v1/messages',
    (tokens) => ({ messages, tools: [{ name: 'get_weather', input_schema: parameters }], max_tokens: tokens }),
    '"stop_reason":"tool_use"',
    '"stop_reason":"max_tokens"',
  ],
  [
    '/v1/responses',
    (tokens) => ({
      input: 'Weather?',
      tools: [{ type: 'function', name: 'get_weather', parameters }],
      max_output_tokens: tokens,
    }),
    '"status":"completed"',
    '"status":"incomplete"',
  ],
  [
    '/api/chat',
    (tokens) => ({ messages, tools: nested, options: { num_predict: tokens } }),
    '"done_reason":"stop"',
    '"done_reason":"length"',
  ],
];

async function endOf(
  pieces: readonly string[],
  path: string,
  body: object,
  streams: boolean,
): Promise<{ readonly text: string; readonly end: string }> {
  const app = createApp(fakeParts({ served: [fakeModel({ answer: pieces })] }).parts);
  const response = await app.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, stream: streams }),
  });
  const text = (await response.text()).trimEnd();
  return {
    text,
    end:
      text
        .split('\n')
        .filter((line) => line.includes('reason"') || line.includes('"status"'))
        .at(-1) ?? '',
  };
}

describe('an answer that ends in the middle of a call', () => {
  const begun = ['<tool_call>\n{"name": "get_weather", "arguments": {"unit": "C", "city": "Pa'];
  it.each(APIS.flatMap((api) => [true, false].map((streams) => [...api, streams] as const)))(
    'on %s (%#) is told as one that was cut, whoever ended it',
    async (path, bodyOf, ended, cut, streams) => {
      const { text, end } = await endOf(begun, path, bodyOf(9), streams);
      expect([end.includes(cut), text.includes(ended)]).toEqual([true, false]);
    },
  );

  it('has no arguments on /v1/messages but those that were written to their end', async () => {
    const { text } = await endOf(begun, '/v1/messages', APIS[1][1](9), false);
    expect(JSON.parse(text)).toMatchObject({
      content: [{ type: 'tool_use', name: 'get_weather', input: { unit: 'C' } }],
    });
  });
});

describe('an answer that is cut before the arguments of its call begin', () => {
  it('has none on /v1/messages: an object of nothing would be one to call with', async () => {
    const begun = ['<tool_call>\n{"name": "get_weather", "arguments": {'];
    const { text } = await endOf(begun, '/v1/messages', APIS[1][1](9), true);
    expect(text).toContain('"name":"get_weather"');
    expect(text).not.toContain('"partial_json":"{}"');
    expect(text).toContain('"stop_reason":"max_tokens"');
    const whole = await endOf(begun, '/v1/messages', APIS[1][1](9), false);
    expect(JSON.parse(whole.text)).toMatchObject({ content: [{ type: 'tool_use', input: {} }] });
  });
});

describe('what is said before and behind a call', () => {
  const said = ['I look.\n', answer[0], '\nIt is sunny.'];

  it.each([true, false])('is two blocks, and two items, where the API has those (streams: %s)', async (streams) => {
    for (const path of ['/v1/messages', '/v1/responses']) {
      const { text } = await endOf(said, path, APIS.find(([at]) => at === path)![1](9), streams);
      const [before, call, behind] = [
        /"text":"I look."/,
        /"type":"(?:tool_use|function_call)"/,
        /"text":"It is sunny."/,
      ].map((part) => text.search(part));
      expect([path, before > 0, call > before, behind > call]).toEqual([path, true, true, true]);
    }
  });

  it.each([['/v1/chat/completions'], ['/api/chat']])('is two paragraphs on %s', async (path) => {
    const bodyOf = APIS.find(([at]) => at === path)![1];
    expect((await endOf(said, path, bodyOf(9), false)).text).toContain('"content":"I look.\\n\\nIt is sunny."');
    const { text } = await endOf(said, path, bodyOf(9), true);
    expect(Array.from(text.matchAll(/"content":"((?:[^"\\]|\\.)*)"/g), ([, content]) => content).join('')).toBe(
      'I look.\\n\\nIt is sunny.',
    );
  });
});

describe('an answer that calls a tool', () => {
  it.each(APIS.flatMap((api) => [true, false].map((streams) => [...api, streams] as const)))(
    'on %s (%#) came to its end where the model ended it, and was cut where its tokens ran out behind a whole call',
    async (path, bodyOf, ended, cut, streams) => {
      const app = createApp(fakeParts({ served: [fakeModel({ answer })] }).parts);
      const ask = async (tokens: number) => {
        const response = await app.request(path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ ...bodyOf(tokens), stream: streams }),
        });
        return (
          (await response.text())
            .trimEnd()
            .split('\n')
            .filter((line) => line.includes('reason"') || line.includes('"status"'))
            .at(-1) ?? ''
        );
      };
      const [whole, short] = [await ask(2), await ask(1)];
      expect([whole.includes(ended), short.includes(cut)]).toEqual([true, true]);
      if (!streams) for (const text of [whole, short]) expect(text).toContain('get_weather');
    },
  );
});
