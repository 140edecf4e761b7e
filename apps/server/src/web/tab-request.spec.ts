import type { ChatBody } from './request-body.js';
import { deltaChunks, lastChunk, tabLoadOptions, tabRequest } from './tab-request.js';

const { signal } = new AbortController();
const body: ChatBody = {
  messages: [{ role: 'user', content: 'Hi' }],
  stream: true,
  stream_options: { include_usage: true },
  return_progress: true,
};
const tools = [{ type: 'function' as const, function: { name: 'weather' } }];

describe('what the engine in the tab is asked', () => {
  it('has what the API uses where nobody says anything', () => {
    expect(tabRequest(body, {}, signal)).toEqual({
      messages: body.messages,
      temperature: 1,
      topP: 1,
      progress: true,
      signal,
    });
  });

  it('has what the operator said, and what the reader says before that', () => {
    const defaults = {
      samplerDefaults: { temperature: 0.2 },
      maxTokens: 9,
      reasoningTokens: 5,
      templateVariables: { enable_thinking: true, date_string: '1 May 2026', functions: '' },
    };
    const { temperature, topP, ...asked } = tabRequest(body, defaults, signal);
    // The model is loaded with those.
    expect([temperature, topP]).toEqual([undefined, undefined]);
    expect(asked).toMatchObject({
      maxTokens: 9,
      reasoningTokens: 5,
      templateVariables: { enable_thinking: true, functions: '' },
    });
    expect(
      tabRequest({ ...body, temperature: 0, max_tokens: 2, reasoning_effort: 'none', tools }, defaults, signal),
    ).toMatchObject({
      temperature: 0,
      maxTokens: 2,
      tools,
      templateVariables: {
        enable_thinking: false,
        reasoning_effort: 'none',
        date_string: '1 May 2026',
        functions: JSON.stringify(tools, undefined, 2),
      },
    });
  });

  it('goes on with what the assistant began, and not with its calls', () => {
    const begun = { role: 'assistant', content: 'Well, ' };
    const goesOn = (last: ChatBody['messages'][number]) =>
      tabRequest({ ...body, messages: [...body.messages, last] }, {}, signal).continueFinalMessage;
    expect(goesOn(begun)).toBe(true);
    expect(goesOn({ ...begun, tool_calls: [] })).toBeUndefined();
  });

  it('is loaded with the template and the sampling of the server; numbers that JSON has not come as texts', () => {
    expect(tabLoadOptions({})).toEqual({});
    expect(
      tabLoadOptions({
        chatTemplate: '{{ x }}',
        samplerDefaults: {
          topK: 3,
          logitBias: [
            [5, '-Infinity'],
            [7, 1.5],
          ],
        },
      }),
    ).toEqual({
      chatTemplate: '{{ x }}',
      samplerDefaults: {
        topK: 3,
        logitBias: [
          [5, -Infinity],
          [7, 1.5],
        ],
      },
    });
  });
});

describe('what comes of it, as the API tells it', () => {
  it('is reasoning, content and calls with ids of their own', () => {
    const chunks = ['a', 'b'].flatMap(() =>
      deltaChunks({
        kind: 'deltas',
        sample: 0,
        deltas: [
          { kind: 'reasoning', text: 'Hm.' },
          { kind: 'content', text: 'So' },
          { kind: 'call', index: 0, name: 'weather' },
          { kind: 'arguments', index: 0, text: '{}' },
        ],
      }),
    );
    const deltas = chunks.map(({ choices }) => choices?.[0].delta);
    expect(deltas.slice(0, 4)).toEqual([
      { reasoning_content: 'Hm.' },
      { content: 'So' },
      {
        tool_calls: [
          { index: 0, id: expect.stringMatching(/^call_\w+$/), function: { name: 'weather', arguments: '' } },
        ],
      },
      { tool_calls: [{ index: 0, function: { arguments: '{}' } }] },
    ]);
    expect(deltas[6]?.tool_calls?.[0].id).not.toBe(deltas[2]?.tool_calls?.[0].id);
  });

  it('tells how likely a token was where nothing is shown of it yet, and how the answer ended', () => {
    const logprobs = { id: 1, text: 'a', bytes: Uint8Array.of(97), logprob: -1, rank: 1, top: [] };
    expect(deltaChunks({ kind: 'deltas', sample: 0, deltas: [], logprobs })).toMatchObject([
      { choices: [{ delta: { content: '' }, logprobs: { content: [{ token: 'a', bytes: [97], logprob: -1 }] } }] },
    ]);
    const done = {
      usage: { promptTokens: 3, completionTokens: 2, cachedTokens: 1 },
      timings: { promptTps: 1, decodeTps: 2, firstTokenMs: 3, queueMs: 4 },
    } as Parameters<typeof lastChunk>[1];
    expect(
      (['stop', 'length', 'tool_calls', 'cancelled'] as const).map(
        (reason) => lastChunk(reason, done).choices?.[0].finish_reason,
      ),
    ).toEqual(['stop', 'length', 'tool_calls', 'stop']);
  });
});
