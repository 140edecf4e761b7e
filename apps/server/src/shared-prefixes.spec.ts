import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readSharedPrefixes } from './shared-prefixes.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-prefix-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** A file of this content. */
function fileOf(name: string, content: unknown): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}
const tool = {
  type: 'function',
  function: { name: 'look', description: 'looks', parameters: { type: 'object' } },
} as const;

describe('files of --shared-prefix', () => {
  it('have the text of a system message, the beginning of a conversation, or of a text', () => {
    const files = [
      fileOf('system.txt', 'You are brief.\nAlways.\n'),
      fileOf('chat.json', {
        messages: [
          { role: 'developer', content: [{ type: 'text', text: 'Look first.' }] },
          { role: 'user', content: 'Hi' },
        ],
        tools: [tool],
        chat_template_kwargs: { own: 1 },
      }),
      fileOf('text.json', { prompt: 'Once upon a time' }),
    ];
    expect(readSharedPrefixes(files, (tools) => ({ count: tools.length, own: 0 }))).toEqual([
      { messages: [{ role: 'system', content: 'You are brief.\nAlways.' }], templateVariables: { count: 0, own: 0 } },
      {
        messages: [
          { role: 'system', content: 'Look first.' },
          expect.objectContaining({ role: 'user', content: 'Hi' }),
        ],
        tools: [tool],
        templateVariables: { count: 1, own: 1 },
      },
      { prompt: 'Once upon a time' },
    ]);
  });

  it.each([
    ['none.txt', undefined, 'no such file'],
    ['empty.txt', ' \n', 'the file is empty'],
    ['broken.json', '{', 'no JSON'],
    ['list.json', [], 'JSON object'],
    ['nothing.json', {}, '"messages"'],
    ['both.json', { prompt: 'a', messages: [{ role: 'user', content: 'b' }] }, '"messages"'],
    ['tools.json', { prompt: 'a', tools: [tool] }, '"messages"'],
    ['role.json', { messages: [{ role: 'robot', content: 'b' }] }, 'messages[0].role'],
    ['other.json', { messages: [{ role: 'user', content: 'b' }], temperature: 1 }, 'temperature'],
  ])('%s is refused: the error names the file and what is wrong', (name, content, problem) => {
    const file = content === undefined ? path.join(folder, name) : fileOf(name, content);
    expect(() => readSharedPrefixes([file])).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringMatching(
          new RegExp(`^--shared-prefix .*${name}: .*${problem.replace(/[[\]]/g, '\\$&')}`),
        ),
      }),
    );
  });
});
