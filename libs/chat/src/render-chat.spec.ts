import fs from 'node:fs';
import { golden as files, readJson } from '../../../tools/fixtures/fixtures.js';
import type { ChatMessage } from './messages.js';
import { renderChat } from './render-chat.js';

const talk: ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi' },
];

describe('renderChat', () => {
  it('uses ChatML for a model without a template', () => {
    expect(renderChat({ messages: talk })).toBe(
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    );
    expect(renderChat({ messages: talk.slice(1), addGenerationPrompt: false })).toBe(
      '<|im_start|>user\nHi<|im_end|>\n',
    );
  });

  it('keeps templates apart by their text and their tokens, however many there are', () => {
    const render = (i: number, bosToken: string): string =>
      renderChat({ messages: talk, template: `{{ bos_token }}${i}{{ messages | length }}`, bosToken });
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 40; i++) expect([render(i, '<a>'), render(i, '<b>')]).toEqual([`<a>${i}2`, `<b>${i}2`]);
    }
  });

  it('gives a typed error for a template that fails', () => {
    expect(() => renderChat({ messages: talk, template: '{{' })).toThrow(
      expect.objectContaining({ code: 'invalid_template' }),
    );
  });
});

describe('the template of the demo model', () => {
  const KEY = 'tokenizer.chat_template';

  /** The text that the file's metadata holds under KEY: u32 type (8, a string), u64 length, bytes. */
  function templateOf(file: Buffer): string {
    const at = file.indexOf(KEY) + KEY.length;
    expect(file.readUInt32LE(at)).toBe(8);
    return file.toString('utf8', at + 12, at + 12 + Number(file.readBigUInt64LE(at + 4)));
  }

  it('gives the prompts of its golden answers', () => {
    const template = templateOf(fs.readFileSync(files.demoModel));
    const golden = readJson<{ messages: ChatMessage[]; prompt: string }[]>(files.demoAnswers);
    expect(golden.length).toBeGreaterThan(3);
    for (const { messages, prompt } of golden) expect(renderChat({ messages, template })).toBe(prompt);
  });
});
