import { tokenizerFromJson } from './tokenizer-from-json.js';
import { tokenizerFromVocabAndMerges } from './vocab-and-merges.js';

const special = (id: number, content: string, isSpecial = true) => ({
  id,
  content,
  special: isSpecial,
  normalized: false,
  single_word: false,
  lstrip: false,
  rstrip: false,
});
const byWords = { type: 'WhitespaceSplit' };
const plain = (tokenizer: { encode(text: string): Uint32Array }, text: string): number[] =>
  Array.from(tokenizer.encode(text));

describe('control tokens', () => {
  const vocab = { '<unk>': 0, a: 1, '</s>': 2, '<': 3, '##/': 4, '##s': 5, '##>': 6 };

  it('do not come out of the words of users (WordLevel)', () => {
    const tokenizer = tokenizerFromJson({
      added_tokens: [special(2, '</s>')],
      pre_tokenizer: byWords,
      model: { type: 'WordLevel', unk_token: '<unk>', vocab },
    });
    expect(plain(tokenizer, 'a </s> a')).toEqual([1, 0, 1]);
    expect(Array.from(tokenizer.encode('a </s> a', { parseSpecial: true }))).toEqual([1, 2, 1]);
  });

  it('do not come out of parts of their words (WordPiece)', () => {
    const tokenizer = tokenizerFromJson({
      added_tokens: [special(2, '</s>')],
      pre_tokenizer: byWords,
      model: { type: 'WordPiece', unk_token: '<unk>', vocab },
    });
    expect(plain(tokenizer, 'a </s> a')).toEqual([1, 3, 4, 5, 6, 1]);
    expect(Array.from(tokenizer.encode('a </s> a', { parseSpecial: true }))).toEqual([1, 2, 1]);
    // What is known as a whole word in one mode is not in the other.
    expect(plain(tokenizer, '</s>')).toEqual([3, 4, 5, 6]);
  });

  const pairs = { '<unk>': 0, '<': 1, '/': 2, s: 3, '>': 4, '</': 5, 's>': 6, '</s>': 7, '</s>s': 8 };
  const merges = ['< /', 's >', '</ s>', '</s> s'];

  it('are written as what they are merged from, and what is merged from them stays (BPE)', () => {
    const tokenizer = tokenizerFromJson({
      added_tokens: [special(7, '</s>')],
      model: { type: 'BPE', unk_token: '<unk>', vocab: pairs, merges },
    });
    expect(plain(tokenizer, '</s>')).toEqual([5, 6]);
    expect(plain(tokenizer, 's</s>s')).toEqual([3, 8]);
    expect(Array.from(tokenizer.encodeWithOffsets('</s></s>').offsets)).toEqual([0, 2, 2, 4, 4, 6, 6, 8]);
  });

  it('are taken apart as far as there are others among their parts (BPE)', () => {
    const tokenizer = tokenizerFromJson({
      added_tokens: [special(4, '>'), special(6, 's>'), special(7, '</s>')],
      model: { type: 'BPE', unk_token: '<unk>', vocab: pairs, merges },
    });
    expect(plain(tokenizer, '</s>')).toEqual([5, 3, 0]);
    expect(
      plain(
        tokenizerFromJson({ added_tokens: [special(4, '>')], model: { type: 'BPE', vocab: pairs, merges: [] } }),
        's>s',
      ),
    ).toEqual([3, 3]);
  });

  it('are no words that need no merging', () => {
    const tokenizer = tokenizerFromJson({
      added_tokens: [special(7, '</s>')],
      pre_tokenizer: byWords,
      model: { type: 'BPE', ignore_merges: true, vocab: pairs, merges: [] },
    });
    expect(plain(tokenizer, 's> </s>')).toEqual([6, 1, 2, 3, 4]);
    expect(Array.from(tokenizer.encode('s> </s>', { parseSpecial: true }))).toEqual([6, 7]);
    expect(plain(tokenizer, '</s>')).toEqual([1, 2, 3, 4]);
  });

  it('are no bytes that text falls back to', () => {
    const vocab = { '<unk>': 0, '<0x61>': 1, '<0x62>': 2 };
    const tokenizer = tokenizerFromJson({
      added_tokens: [special(1, '<0x61>')],
      model: { type: 'BPE', byte_fallback: true, unk_token: '<unk>', vocab, merges: [] },
    });
    // Unknown text stands behind the bytes that follow it, as the `tokenizers` library has it.
    expect(plain(tokenizer, 'ab')).toEqual([2, 0]);
    expect(Array.from(tokenizer.encode('ab', { parseSpecial: true }))).toEqual([1, 2]);
  });

  it('are no pieces of a Unigram vocabulary', () => {
    const vocab = [
      ['<unk>', 0],
      ['<', -1],
      ['/', -1],
      ['s', -1],
      ['>', -1],
      ['</s>', -1],
    ];
    const tokenizer = tokenizerFromJson({
      added_tokens: [special(5, '</s>')],
      model: { type: 'Unigram', unk_id: 0, vocab },
    });
    expect(plain(tokenizer, 's</s>')).toEqual([3, 1, 2, 3, 4]);
  });

  it('are known by their names too, also where a file lists them as ordinary ones', () => {
    const file = (added: unknown[]) => ({ added_tokens: added, model: { type: 'BPE', vocab: pairs, merges } });
    for (const tokenizer of [tokenizerFromJson(file([])), tokenizerFromJson(file([special(7, '</s>', false)]))]) {
      expect(plain(tokenizer, '</s>')).toEqual([5, 6]);
      expect(Array.from(tokenizer.encode('</s>', { parseSpecial: true }))).toEqual([7]);
    }
    const pair = tokenizerFromVocabAndMerges(JSON.stringify(pairs), merges.join('\n'), undefined, {
      preTokenizer: 'whitespace',
    });
    expect(plain(pair, '</s>')).toEqual([5, 6]);
    expect(Array.from(pair.encode('</s>', { parseSpecial: true }))).toEqual([7]);
  });
});

describe('added tokens', () => {
  it('are not met inside of words, as they are no entries of the model', () => {
    const added = [{ ...special(3, 'ab', false), single_word: true }];
    const words = { a: 1, b: 2, '<unk>': 0 };
    expect(
      plain(
        tokenizerFromJson({
          added_tokens: added,
          pre_tokenizer: { type: 'FixedLength', length: 2 },
          model: { type: 'WordLevel', unk_token: '<unk>', vocab: words },
        }),
        'abab',
      ),
    ).toEqual([0, 0]);
    const tokenizer = tokenizerFromJson({
      added_tokens: added,
      pre_tokenizer: { type: 'FixedLength', length: 2 },
      model: { type: 'BPE', ignore_merges: true, vocab: words, merges: [] },
    });
    expect(plain(tokenizer, 'abab')).toEqual([1, 2, 1, 2]);
    expect(plain(tokenizer, 'ab ab')).toEqual([3, 3]);
    expect(tokenizer.idOf('ab')).toBe(3);
  });
});
