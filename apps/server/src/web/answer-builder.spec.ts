import { AnswerBuilder, type Chunk } from './answer-builder.js';

const built = (...chunks: readonly Chunk[]): AnswerBuilder => {
  const builder = new AnswerBuilder();
  for (const chunk of chunks) builder.push(chunk);
  return builder;
};
const delta = (part: NonNullable<NonNullable<Chunk['choices']>[number]['delta']>): Chunk => ({
  choices: [{ delta: part }],
});

describe('an answer from its chunks', () => {
  it('has text, reasoning, and how it ended, with its figures', () => {
    const answer = built(
      { model: 'm', choices: [{ delta: { content: null } }] },
      { prompt_progress: { total: 9, cache: 4, processed: 6 }, choices: [{ delta: {} }] },
      delta({ reasoning_content: 'hm' }),
      delta({ content: 'Hel' }),
      delta({ content: 'lo' }),
      { choices: [{ delta: {}, finish_reason: 'length' }] },
      {
        choices: [],
        usage: { prompt_tokens: 9, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 4 } },
        timings: { prompt_per_second: 100, predicted_per_second: 20, first_token_ms: 50, queue_ms: 1 },
      },
    );
    expect(answer).toMatchObject({
      text: 'Hello',
      reasoning: 'hm',
      pieces: 3,
      end: 'length',
      model: 'm',
      progress: { processed: 6 },
    });
    expect(answer.figures).toEqual({
      promptTokens: 9,
      cachedTokens: 4,
      tokens: 3,
      promptPerSecond: 100,
      tokensPerSecond: 20,
      firstTokenMs: 50,
      queueMs: 1,
    });
  });

  it('has calls whose arguments came in pieces, side by side', () => {
    const call = (index: number, id: string | undefined, name: string | undefined, text: string): Chunk =>
      delta({ tool_calls: [{ index, id, function: { name, arguments: text } }] });
    expect(
      built(
        call(0, 'x', 'f', ''),
        call(1, undefined, 'g', ''),
        call(0, undefined, undefined, '{"a"'),
        call(1, undefined, undefined, '{}'),
        call(0, undefined, undefined, ':1}'),
      ).calls,
    ).toEqual([
      { id: 'x', name: 'f', arguments: '{"a":1}' },
      { id: 'call_1', name: 'g', arguments: '{}' },
    ]);
  });

  it('has the chances of tokens; a part of a character is told by its bytes', () => {
    const answer = built({
      choices: [
        {
          delta: { content: 'a' },
          logprobs: {
            content: [
              { token: 'a', logprob: 0, top_logprobs: [{ token: '\ufffd', bytes: [0xe2, 0x98], logprob: -1 }] },
            ],
          },
        },
      ],
    });
    expect(answer.tokens).toEqual([{ text: 'a', probability: 1, others: [['\\xe2\\x98', Math.exp(-1)]] }]);
  });

  it('fails with what the server said', () => {
    expect(built(delta({ content: 'x' }), { error: { code: 'queue_full', message: 'later' } })).toMatchObject({
      text: 'x',
      end: 'failed',
      failure: { code: 'queue_full', message: 'later' },
    });
    expect(built({ error: {} }).failure?.code).toBe('unknown');
  });
});
