import fc from 'fast-check';
import { tokenizerFromJson } from './hf/tokenizer-from-json.js';
import type { Tokenizer } from './tokenizer.js';

const ranges = (tokenizer: Tokenizer, text: string): number[][] => {
  const { ids, offsets } = tokenizer.encodeWithOffsets(text);
  return Array.from(ids, (_, i) => [offsets[i * 2], offsets[i * 2 + 1]]);
};
const named = (tokenizer: Tokenizer, text: string): unknown[] => {
  const { ids } = tokenizer.encodeWithOffsets(text);
  return ranges(tokenizer, text).map((range, i) => [tokenizer.tokenText(ids[i]), ...range]);
};

const alphabet = (): string[] => {
  const kept = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(kept(byte) ? byte : next++));
};
const vocabOf = (entries: readonly string[]): Record<string, number> =>
  Object.fromEntries([...new Set(entries)].map((entry, id) => [entry, id]));
const byteModel = { type: 'BPE', vocab: vocabOf([...alphabet(), 'Ã©', 'ðŁ']), merges: ['Ã ©', 'ð Ł'] };
const byteTokens = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
const byteLevel = { type: 'ByteLevel', add_prefix_space: false };

/** SentencePiece's map of a few rules, see `test/make-pipelines.py`: U+FF21 to a, U+00AD to nothing, a U+0301 to U+00E1. */
const MAP =
  'AAQAAABEAAAQDQAAAAAAgMwYAgCBBQAACgAAgHkFAAAIAACArSkAAISUAgCmBQAADQAAgIAIAgABAACAgA0AAKx4AgCBCQAAoQkAAAUAAIADAACAFQAAABQAAAAXAAAAFg' +
  'AAABkAAAAYAAAAGwAAABoAAAAdAAAAHAAAAB8AAAC8vAIAIQAAACAAAAAjAAAAIgAAACUAAAAkAAAAJwAAACYAAAApAAAAKAAAACsAAAAqAAAALQAAACwAAAAvAAAALgAA' +
  'ADEAAAAwAAAAMwAAADIAAAA1AAAANAAAADcAAAA2AAAAOQAAADgAAAA7AAAAOgAAAD0AAAA8AAAAPwAAAD4AAABBAAAAQAAAAEMAAABCAAAARQAAAEQAAABHAAAARgAAAE' +
  'kAAABIAAAASwAAAEoAAABNAAAATAAAAE8AAABOAAAAUQAAAFAAAABTAAAAUgAAAFUAAABUAAAAVwAAAFYAAABZAAAAWAAAAFsAAABaAAAAXQAAAFwAAABfAAAAXgAAAGEA' +
  'AABgAAAAYwAAAGIAAABlAAAAZAAAAGcAAABmAAAAaQAAAHhYAABrAAAAagAAAG0AAABsAAAAbwAAAG4AAABh/AIAcAAAAHMAAAByAAAAdQAAAHQAAAB3AAAAdgAAAHkAAA' +
  'B4AAAAewAAAHoAAAB9AAAAfAAAAH8AAAB+AAAAgQAAAIAAAACDAAAAggAAAIUAAACEAAAAhwAAAIYAAACJAAAAiAAAAIsAAACKAAAAjQAAAIwAAACPAAAAjgAAAJEAAACQ' +
  'AAAAkwAAAJIAAACVAAAAlAAAAJcAAACWAAAAmQAAAJgAAACbAAAAmgAAAJ0AAACcAAAAnwAAAJ4AAAChAAAAoAAAAKMAAACiAAAApQAAAKQAAACnAAAApgAAAKkAAACoAA' +
  'AAqwAAAKoAAACtAAAArAAAAK8AAACuAAAAsQAAALAAAACzAAAAsgAAALUAAAC0AAAAtwAAALYAAAC5AAAAuAAAALsAAAC6AAAAvQAAALwAAAC/AAAAvgAAAMEAAADAAAAA' +
  'wwAAAMIAAADFAAAAxAAAAMcAAADGAAAAyQAAAMgAAADLAAAAygAAAM0AAADMAAAAzwAAAM4AAADRAAAA0AAAANMAAADC2AEA1QAAANQAAADXAAAA1gAAANkAAADYAAAA2w' +
  'AAANoAAADdAAAA3AAAAN8AAADeAAAA4QAAAOAAAADjAAAA4gAAAOUAAADkAAAA5wAAAOYAAADpAAAA6AAAAOsAAADqAAAA7QAAAOwAAADvAAAA7gAAAPEAAADwAAAA4/gB' +
  'AOL4AQD1AAAA9AAAAPcAAAD2AAAA+QAAAPgAAAD7AAAA+gAAAP0AAAD8AAAA73QBAP4AAAAAIABhAGZpAHoAw6EAz4kA';

const BYTE_LEVEL: [string, object][] = [
  ['splitters alone', { pre_tokenizer: byteLevel, model: byteModel }],
  ['behind a normalizer', { normalizer: { type: 'NFC' }, pre_tokenizer: byteLevel, model: byteModel }],
  [
    'behind two normalizers',
    {
      normalizer: { type: 'Sequence', normalizers: [{ type: 'Strip' }, { type: 'Lowercase' }] },
      pre_tokenizer: byteLevel,
      model: byteModel,
    },
  ],
  [
    'behind a step that drops',
    { pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, byteLevel] }, model: byteModel },
  ],
  [
    'before another step',
    { pre_tokenizer: { type: 'Sequence', pretokenizers: [byteLevel, { type: 'Digits' }] }, model: byteModel },
  ],
  ['as a normalizer', { normalizer: { type: 'ByteLevel' }, model: byteModel }],
  ['with a space in front', { pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true }, model: byteModel }],
];

describe('offsets of a byte-level vocabulary', () => {
  it.each(BYTE_LEVEL)('are the bytes that each token stands for, whatever comes before it: %s', (_name, file) => {
    const tokenizer = tokenizerFromJson(file);
    const all = named(tokenizer, 'é😀x').filter((one) => (one as unknown[])[0] !== 'Ġ');
    expect(all).toEqual([
      ['Ã©', 0, 2],
      ['ðŁ', 2, 4],
      ['ĺ', 4, 5],
      ['Ģ', 5, 6],
      ['x', 6, 7],
    ]);
  });

  it('are the same for the bytes that characters fall back to', () => {
    const tokenizer = tokenizerFromJson({
      normalizer: { type: 'NFC' },
      model: { type: 'BPE', byte_fallback: true, vocab: vocabOf(['a', ...byteTokens]), merges: [] },
    });
    expect(ranges(tokenizer, 'a😀a')).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 5],
      [5, 6],
    ]);
  });

  it('tile any text that is not rewritten', () => {
    const tokenizers = BYTE_LEVEL.slice(0, 2).map(([, file]) => tokenizerFromJson(file));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (raw) => {
        const text = new TextDecoder('utf-8', { ignoreBOM: true })
          .decode(new TextEncoder().encode(raw))
          .normalize('NFC');
        const [direct, normalized] = tokenizers.map((tokenizer) => ranges(tokenizer, text));
        expect(normalized).toEqual(direct);
        expect(direct.flat()).toEqual(direct.flat().sort((a, b) => a - b));
        expect(direct.reduce((sum, [start, end]) => sum + end - start, 0)).toBe(Buffer.byteLength(text));
      }),
    );
  });
});

describe('offsets of a piece that was rewritten', () => {
  const characters = (normalizer: object, entries: string[]): Tokenizer =>
    tokenizerFromJson({ normalizer, model: { type: 'BPE', vocab: vocabOf(entries), merges: [] } });
  const MARKS = ['\u0301', '\u0302', '\u0308', '\u0323'];

  it('are the characters that it was composed of', () => {
    const tokenizer = characters({ type: 'NFC' }, ['a', 'á', 'ạ', '가', '각', 'ㅁ', ...MARKS]);
    expect(named(tokenizer, 'aa\u0301')).toEqual([
      ['a', 0, 1],
      ['á', 1, 4],
    ]);
    expect(named(tokenizer, 'a\u0323\u0308')).toEqual([
      ['ạ', 0, 3],
      ['\u0308', 3, 5],
    ]);
    // The mark below comes first: the letter takes the range around all that it was made of.
    expect(named(tokenizer, 'a\u0308\u0323')).toEqual([
      ['ạ', 0, 5],
      ['\u0308', 1, 3],
    ]);
    expect(named(tokenizer, '\u1100\u1161\u11a8\u1100\u1161')).toEqual([
      ['각', 0, 9],
      ['가', 9, 15],
    ]);
  });

  it('are the character that it was decomposed from', () => {
    const tokenizer = characters({ type: 'NFKD' }, ['a', 'f', 'i', ...MARKS]);
    expect(named(tokenizer, 'áﬁa')).toEqual([
      ['a', 0, 2],
      ['\u0301', 0, 2],
      ['f', 2, 5],
      ['i', 2, 5],
      ['a', 5, 6],
    ]);
  });

  it('are a character and its marks each for themselves, where a map knows none of them', () => {
    const tokenizer = tokenizerFromJson({
      normalizer: { type: 'Precompiled', precompiled_charsmap: MAP },
      model: {
        type: 'Unigram',
        unk_id: 0,
        vocab: [
          ['<unk>', 0],
          ['a', -1],
          ['z', -1],
        ],
      },
    });
    expect(named(tokenizer, 'a\u0302\u0308\u0323')).toEqual([
      ['a', 0, 1],
      ['<unk>', 1, 7],
    ]);
    expect(named(tokenizer, 'Ａxya')).toEqual([
      ['a', 0, 3],
      ['<unk>', 3, 5],
      ['a', 5, 6],
    ]);
    expect(named(tokenizer, 'a\u00ada')).toEqual([
      ['a', 0, 1],
      ['a', 3, 4],
    ]);
  });

  it('are all that was replaced', () => {
    const tokenizer = characters({ type: 'Replace', pattern: { Regex: ' +|é' }, content: '▁▁' }, ['a', '▁']);
    expect(named(tokenizer, 'a   aé')).toEqual([
      ['a', 0, 1],
      ['▁', 1, 4],
      ['▁', 1, 4],
      ['a', 4, 5],
      ['▁', 5, 7],
      ['▁', 5, 7],
    ]);
  });

  it('are empty for what was put in front', () => {
    const entries = ['a', '▁'];
    expect(named(characters({ type: 'Prepend', prepend: '▁' }, entries), 'aa')).toEqual([
      ['▁', 0, 0],
      ['a', 0, 1],
      ['a', 1, 2],
    ]);
    const metaspace = tokenizerFromJson({
      pre_tokenizer: { type: 'Metaspace', prepend_scheme: 'always' },
      model: { type: 'BPE', vocab: { a: 0, '▁': 1, '▁a': 2 }, merges: ['▁ a'] },
    });
    expect(named(metaspace, 'aa a')).toEqual([
      ['▁a', 0, 1],
      ['a', 1, 2],
      ['▁a', 2, 4],
    ]);
  });

  it('leave out what was stripped', () => {
    expect(named(characters({ type: 'Strip' }, ['a', ' ']), '  a a ')).toEqual([
      ['a', 2, 3],
      [' ', 3, 4],
      ['a', 4, 5],
    ]);
  });
});
