import { CHATML_TEMPLATE } from '@starling/chat';
import type { Tokenizer } from '@starling/tokenizer';
import fc from 'fast-check';
import { byteTokenizer } from './testing/byte-tokenizer.js';
import { smallVocabularies } from '../test/small-vocabularies.js';
import { chatTemplateFor } from './chat-template.js';
import { preparePrompt } from './prompt.js';
import { cacheKeyOf } from '@starling/kvcache';
import { PromptEncoder } from './prompt-encoder.js';

const vocabularies = smallVocabularies();
const plain = (text: string) => [{ text, literal: false }];

/** A tokenizer that counts the characters it was given. */
function counting(tokenizer: Tokenizer): { readonly tokenizer: Tokenizer; take(): number } {
  let characters = 0;
  const counted: Tokenizer = Object.create(tokenizer, {
    encode: {
      value: (text: string, options: object) => {
        characters += text.length;
        return tokenizer.encode(text, options);
      },
    },
  }) as Tokenizer;
  const take = (): number => {
    const taken = characters;
    characters = 0;
    return taken;
  };
  return {
    tokenizer: new Proxy(tokenizer, {
      get: (target, name) => (name === 'encode' ? counted.encode : (Reflect.get(target, name, target) as unknown)),
    }),
    take,
  };
}

describe.each([...vocabularies])('prompts over the vocabulary %s', (_name, tokenizer) => {
  const controls = Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter(
    (id) => tokenizer.isControl(id) && tokenizer.tokenText(id).length > 1,
  );
  const piece = fc.oneof(
    fc.constantFrom(
      ...['the', ' the', ' world', 'Hello', '  ', '\n', '\n\n', 'é', '中', '😀', '123', "don't", '<|', '>', ' a', '.'],
      ...controls.map((id) => tokenizer.tokenText(id)),
    ),
    fc.string({ maxLength: 6 }),
  );
  const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));

  it('have the tokens that the whole text has, known or not', () => {
    const encoder = new PromptEncoder(tokenizer);
    fc.assert(
      fc.property(text, (one) => {
        const whole = [...tokenizer.encode(one, { parseSpecial: true })];
        for (let round = 0; round < 2; round++) expect([...encoder.encode(plain(one), 'scope').tokens]).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  it('have marks where text and tokens can be cut', () => {
    const encoder = new PromptEncoder(tokenizer);
    fc.assert(
      fc.property(text, (one) => {
        const { tokens, marks } = encoder.encode(plain(one));
        for (const { at, token } of marks)
          expect([...tokens.subarray(token)]).toEqual([...tokenizer.encode(one.slice(at), { parseSpecial: true })]);
      }),
      { numRuns: 40 },
    );
  });

  it('that go on from long ones have the tokens of the whole text', () => {
    const encoder = new PromptEncoder(tokenizer);
    fc.assert(
      fc.property(fc.array(text, { minLength: 4, maxLength: 12 }), (parts) => {
        let whole = '';
        for (const part of parts) {
          whole += `${part} the world, and Hello. `.repeat(8);
          expect([...encoder.encode(plain(whole), 'scope').tokens]).toEqual([
            ...tokenizer.encode(whole, { parseSpecial: true }),
          ]);
        }
      }),
      { numRuns: 6 },
    );
  });
});

describe('a prompt encoder', () => {
  const tokenizer = byteTokenizer();
  const chatTemplate = chatTemplateFor(
    CHATML_TEMPLATE.replaceAll('<|im_start|>', '<|mark|>').replaceAll('<|im_end|>', '<|mark|>'),
    tokenizer,
  );
  const user = (content: string) => ({ role: 'user', content });
  const assistant = (content: string) => ({ role: 'assistant', content });

  it('tokenizes of a conversation what is new, and of a text what follows', () => {
    const { tokenizer: counted, take } = counting(tokenizer);
    const encoder = new PromptEncoder(counted);
    const parts = { tokenizer: counted, encoder, chatTemplate };
    const long = 'x'.repeat(1000);
    const first = [user(long), assistant(long), user('Two?')];
    preparePrompt({ messages: first }, parts, 'a');
    expect(take()).toBeGreaterThan(2000);
    preparePrompt({ messages: [...first, assistant('Yes.'), user('Three?')] }, parts, 'a');
    expect(take()).toBeLessThan(200);
    preparePrompt({ messages: [user('Other.'), ...first.slice(1)] }, parts, 'a');
    expect(take()).toBeLessThan(200);
    preparePrompt({ messages: first }, parts, 'b');
    expect(take()).toBeGreaterThan(2000);
    encoder.encode(plain(long), 'a');
    take();
    encoder.encode(plain(`${long}and more`), 'a');
    expect(take()).toBeLessThan(200);
  });

  it('gives an answer’s text the tokens that were generated, in a conversation and in a text', () => {
    const words = vocabularies.get('gpt2')!;
    const encoder = new PromptEncoder(words);
    const canonical = [...words.encode('Hello world')];
    const generated = [...'Hello world'].flatMap((character) => [...words.encode(character, { continuation: true })]);
    expect(generated).not.toEqual(canonical);
    const prompt = encoder.encode(plain('the world: '), 'a');
    encoder.remember('a', prompt, generated);
    const next = encoder.encode(plain('the world: Hello world\nthe'), 'a').tokens;
    expect([...next].slice(prompt.tokens.length, prompt.tokens.length + generated.length)).toEqual(generated);
    expect([...encoder.encode(plain('the world: Hello world\nthe'), 'b').tokens]).toEqual([
      ...words.encode('the world: Hello world\nthe'),
    ]);
    expect(words.decode(next)).toBe(words.decode(words.encode('the world: Hello world\nthe')));
  });

  it('knows an answer again after another beginning, and where a template cut off the white space at its end', () => {
    // The bytes of a letter, one too many bits apart, stand for tokens that tokenizing would not give.
    const odd: Tokenizer = {
      ...tokenizer,
      encode: (text, options) => tokenizer.encode(text, options),
      decode: (ids, options) =>
        tokenizer.decode(
          Array.from(ids, (id) => (id === 1 ? 65 : id)),
          options,
        ),
      tokenBytes: (id) => tokenizer.tokenBytes(id === 1 ? 65 : id),
    };
    const encoder = new PromptEncoder(odd);
    const parts = { tokenizer: odd, encoder, chatTemplate };
    const { encoded } = preparePrompt({ messages: [user('One?')] }, parts, 'a');
    encoder.remember('a', encoded!, [1, 1, 66, 10]);
    const tokensOf = (...messages: { role: string; content: string }[]) =>
      [...preparePrompt({ messages }, parts, 'a').tokens].filter((id) => id === 1 || id === 65);
    expect(tokensOf(user('One?'), assistant('AAB\n'), user('Two?'))).toEqual([1, 1]);
    expect(tokensOf(user('another.'), assistant('AAB'), user('Two?'))).toEqual([1, 1]);
    expect(tokensOf(user('One?'), assistant('AABC'), user('Two?'))).toEqual([65, 65]);
    expect(tokensOf(user('AAB'))).toEqual([65, 65]);
  });

  it('keeps what a tenant has, whatever others send under however many salts', () => {
    let count = 0;
    const counting: Tokenizer = {
      ...tokenizer,
      encode: (text, options) => ((count += text.length), tokenizer.encode(text, options)),
      decode: (ids, options) => tokenizer.decode(ids, options),
    };
    const encoder = new PromptEncoder(counting);
    const scopeOf = (tenant: string, salt?: string) =>
      cacheKeyOf({ model: { weights: 'w', kvType: 'F16', layout: 'l' }, tenant, salt });
    const long = 'words that come again '.repeat(20);
    for (let i = 0; i < 3; i++) encoder.encode(plain(`${long}${i}`), scopeOf('small'));
    for (let i = 0; i < 400; i++) encoder.encode(plain(`${i} ${long}`), scopeOf('hog', `salt ${i}`));
    count = 0;
    for (let i = 0; i < 3; i++) encoder.encode(plain(`${long}${i}`), scopeOf('small'));
    expect(count).toBeLessThan(long.length);
    count = 0;
    encoder.encode(plain(`1 ${long}`), scopeOf('hog', 'salt 1'));
    expect(count).toBeGreaterThanOrEqual(long.length);
  });

  it('says where the last message and the answer begin', () => {
    const parts = { tokenizer, encoder: new PromptEncoder(tokenizer), chatTemplate };
    const { tokens, checkpoints } = preparePrompt(
      { messages: [user('One?'), assistant('Yes.'), user('Two?')] },
      parts,
      'a',
    );
    const text = chatTemplate.render([user('One?'), assistant('Yes.'), user('Two?')]).text;
    const marks = (at: number): number => [...tokenizer.encode(text.slice(0, at), { parseSpecial: true })].length;
    expect(checkpoints).toEqual([
      marks(text.lastIndexOf('<|mark|>user')),
      marks(text.lastIndexOf('<|mark|>assistant')),
    ]);
    expect(tokens).toHaveLength(marks(text.length));
  });
});
