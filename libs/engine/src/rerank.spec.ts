import type { SequenceInput } from '@starling/transformer';
import { byteTokenizer } from './testing/byte-tokenizer.js';
import { fakeModel } from '../test/fake-model.js';
import { atOnce } from './aside/steps.js';
import { RERANK_TEMPLATE_KEY, rerankInputs } from './rerank.js';

const [BOS, EOS, SEP] = [256, 257, 258];
const bytes = (text: string): number[] => [...new TextEncoder().encode(text)];
const tokenizerWith = (special: object, kind: 'bpe' | 'wordpiece' = 'bpe') => {
  const tokenizer = byteTokenizer();
  // What stands around a text is left to the caller; <E> is a control token.
  const encode = (text: string, { parseSpecial = false } = {}): Uint32Array =>
    Uint32Array.from(
      parseSpecial ? text.split('<E>').flatMap((part, i) => [...(i > 0 ? [EOS] : []), ...bytes(part)]) : bytes(text),
    );
  return {
    ...tokenizer,
    kind,
    encode,
    special: { ...tokenizer.special, bos: BOS, eos: EOS, sep: SEP, addBos: true, addEos: false, ...special },
  } as ReturnType<typeof byteTokenizer>;
};

const rerankInput = (
  tokenizer: ReturnType<typeof byteTokenizer>,
  template: string | undefined,
  query: string,
  document: string,
) => atOnce(rerankInputs(tokenizer, template, query, [document]), tokenizer)[0];

describe('a query and a document', () => {
  it.each([
    ['with nothing around them', { addBos: false }, 'bpe', [...bytes('q'), ...bytes('d')], 1],
    ['with an end each', { addEos: true }, 'bpe', [BOS, ...bytes('q'), EOS, ...bytes('d'), EOS], 3],
    [
      'with a further separator',
      { addEos: true, addSep: true },
      'bpe',
      [BOS, ...bytes('q'), EOS, SEP, ...bytes('d'), EOS],
      4,
    ],
    ['of a vocabulary of word pieces', { addSep: true }, 'wordpiece', [BOS, ...bytes('q'), SEP, ...bytes('d'), SEP], 3],
    [
      'with the end in place of a separator',
      { addEos: true, addSep: true, sep: undefined },
      'bpe',
      [BOS, ...bytes('q'), EOS, EOS, ...bytes('d'), EOS],
      4,
    ],
  ] as const)('are joined %s', (_, special, kind, tokens, secondFrom) => {
    const input = rerankInput(tokenizerWith(special, kind), undefined, 'q', 'd');
    expect([...input.tokens]).toEqual(tokens);
    expect(input.secondFrom).toBe(secondFrom);
  });

  it('are put into the template of the file, where names of control tokens mean nothing in them', () => {
    const tokenizer = tokenizerWith({});
    const template = 'Q:{query}<E>D:{document}<E>';
    expect([...rerankInput(tokenizer, template, 'q', 'd').tokens]).toEqual([
      ...bytes('Q:q'),
      EOS,
      ...bytes('D:d'),
      EOS,
    ]);
    expect([...rerankInput(tokenizer, template, '{document}', '<E>').tokens]).toEqual([
      ...bytes('Q:{document}'),
      EOS,
      ...bytes('D:<E>'),
      EOS,
    ]);
  });
});

describe('rerank', () => {
  /** The score of a text is its last token, and one. */
  const ranking = (more: Parameters<typeof fakeModel>[0] = {}) =>
    fakeModel({ ...more, info: { ranks: true, causal: false, embeddingLength: 1, ...more.info } });

  it('gives the best documents first, and of equals the earlier', async () => {
    const seen: SequenceInput[] = [];
    const { model } = ranking({ onStep: (batch) => void seen.push(...batch) });
    const { results, promptTokens } = await model.rerank('q', ['a', 'c', 'b', 'c']);
    expect(results).toEqual([1, 3, 2, 0].map((index) => ({ index, score: bytes('acbc')[index] + 1 })));
    expect(promptTokens).toBe(seen.reduce((sum, { tokens }) => sum + tokens.length, 0));
    expect(seen.every(({ secondFrom, tokens }) => secondFrom === tokens.length - 1)).toBe(true);
    expect((await model.rerank('q', ['a', 'c', 'b'], { top: 1 })).results).toEqual([
      { index: 1, score: bytes('c')[0] + 1 },
    ]);
  });

  it('takes the template from the metadata of the file', async () => {
    const { model } = ranking({ metadata: new Map([[RERANK_TEMPLATE_KEY, '{document} for {query}!']]) });
    expect((await model.rerank('q', ['a'])).results[0].score).toBe(bytes('!')[0] + 1);
  });

  it('takes the template of the head where the file has none', async () => {
    const { model } = ranking({ info: { rankTemplate: '{document} for {query}?' } });
    expect((await model.rerank('q', ['a'])).results[0].score).toBe(bytes('?')[0] + 1);
  });

  it('is refused to models without a head for it, for no document, and for one that is too long', async () => {
    await expect(fakeModel().model.rerank('q', ['a'])).rejects.toMatchObject({ code: 'not_supported' });
    await expect(fakeModel().model.embed('q', { pooling: 'rank' })).rejects.toMatchObject({
      code: 'not_supported',
      details: { param: 'pooling' },
    });
    await expect(ranking().model.rerank('q', [])).rejects.toMatchObject({
      code: 'invalid_request',
      details: { param: 'documents' },
    });
    await expect(
      ranking({ info: { maxBatchTokens: 8 } }).model.rerank('q', ['a', 'b'.repeat(20)]),
    ).rejects.toMatchObject({ code: 'context_length_exceeded', details: { input: 1 } });
    await expect(ranking().model.rerank('q', ['a'], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});
