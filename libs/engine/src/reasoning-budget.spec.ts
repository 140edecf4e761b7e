import { compileTemplate } from '@starling/chat';
import { byteTokenizer } from './testing/byte-tokenizer.js';
import { fakeModel, saying } from '../test/fake-model.js';
import { ReasoningBudget } from './reasoning-budget.js';

const tokenizer = byteTokenizer();
const anyMay = () => true;

/** What comes of a text that a model wants to write. */
function written(
  wanted: string,
  maxTokens: number,
  state: 'open' | 'allowed' | 'closed',
  mayCome: (id: number) => boolean = anyMay,
): string {
  const budget = new ReasoningBudget(maxTokens, { start: '<think>', end: '</think>', state }, tokenizer);
  return tokenizer.decode(Array.from(tokenizer.encode(wanted), (id) => budget.choose(id, mayCome)));
}

describe('a budget of reasoning', () => {
  it('ends what goes on for too long, and leaves the rest alone', () => {
    expect(written('abcdefghijklmnop', 3, 'open')).toBe('abc</think>lmnop');
    expect(written('<think>abcdefghijklmnop', 3, 'allowed')).toBe('<think>abc</think>lmnop');
    expect(written('abcdefghij', 0, 'open')).toBe('</think>ij');
  });

  it('leaves alone what ends by itself, and what never begins', () => {
    for (const [wanted, state] of [
      ['ab</think>cdefghijklmnop', 'open'],
      ['abcdefghijkl', 'allowed'],
      ['abcdefghijkl', 'closed'],
      ['<think>a</think>bcdefghijklmn', 'allowed'],
    ] as const)
      expect(written(wanted, 10, state)).toBe(wanted);
  });

  it('waits where the answer’s shape does not allow the end', () => {
    let asked = 0;
    expect(written('abcdefghijklmnop', 2, 'open', () => ++asked > 2)).toBe('abcd</think>mnop');
  });

  it('holds in an answer to a conversation', async () => {
    const template = compileTemplate(
      "{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' and m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }};{% endfor %}{% if add_generation_prompt %}[assistant]<think>\n{% endif %}",
    );
    const { model } = fakeModel({ chatTemplate: template, tokenizer, logits: saying('abcdefghijklmnopqrstuvwxyz') });
    const request = { messages: [{ role: 'user', content: 'hi' }], temperature: 0, maxTokens: 14 };
    expect((await model.generate(request).result()).text).not.toContain('</think>');
    expect((await model.generate({ ...request, reasoningTokens: 4 }).result()).text).toBe('abcd</think>mn');
    expect(() => model.generate({ ...request, reasoningTokens: -1 })).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ param: 'reasoningTokens' }) }),
    );
  });
});
