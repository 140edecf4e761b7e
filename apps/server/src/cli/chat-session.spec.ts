import { compileTemplate, deriveAnswerParser } from '@starling/chat';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from '../../../../tools/jest/until.js';
import { fakeIo } from '../cli-io.test-support.js';
import { fakeModel } from '../fake-parts.test-support.js';
import { ChatSession, type ChatModel } from './chat-session.js';
import { chatInteractively } from './interactive-chat.js';

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'chat-'));
afterAll(() => fs.rmSync(scratch, { recursive: true }));

describe('a conversation at the terminal', () => {
  it('sends all that was said, and writes the answer to stdout as one line at least', async () => {
    const model = fakeModel();
    const io = fakeIo('');
    const session = new ChatSession(model, io, { maxTokens: 5 }, 'be brief');
    await session.answer('one');
    await session.answer('two');
    expect(io.out()).toBe('Hello!\nHello!\n');
    const system = { role: 'system', content: 'be brief' };
    expect(model.requests.map(({ messages }) => messages)).toEqual([
      [system, user('one')],
      [system, user('one'), assistant('Hello!'), user('two')],
    ]);
    expect(model.requests[0].maxTokens).toBe(5);
  });

  it('stops an answer and keeps what was said of it', async () => {
    const model = fakeModel({ beforeToken: (index) => (index < 1 ? Promise.resolve() : new Promise(() => undefined)) });
    const io = fakeIo('');
    const session = new ChatSession(model, io, {});
    expect(session.stop()).toBe(false);
    const answer = session.answer('go');
    await until(() => io.out() === 'Hel');
    expect(session.stop()).toBe(true);
    expect((await answer).finishReason).toBe('cancelled');
    expect(session.last?.text).toBe('Hel');
  });

  it('shows a terminal colours, and nothing of what would steer it', async () => {
    const model = fakeModel({ answer: ['**bo', 'ld** ', '\u001b]52;c;aGk=\u0007\u001b[2J'] });
    const io = fakeIo('');
    await new ChatSession(model, io, {}, undefined, 'colours').answer('hi');
    expect(io.out()).toBe('\u001b[1mbold\u001b[0m \\u001b]52;c;aGk=\\u0007\\u001b[2J\n');
    const plain = fakeIo('');
    await new ChatSession(model, plain, {}, undefined, 'terminal').answer('hi');
    expect(plain.out()).toBe('**bold** \\u001b]52;c;aGk=\\u0007\\u001b[2J\n');
  });

  it('keeps reasoning apart: dim at a terminal, not in a pipe, and sent back as what it was', async () => {
    const template = compileTemplate(
      '{% for m in messages %}<|{{ m.role }}|>{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}',
    );
    const answerParser = deriveAnswerParser(template);
    expect(answerParser.readsReasoning).toBe(true);
    const model = fakeModel({ answer: ['<think>\n', 'hm', '\n</think>', '\n\nYes.'] });
    const chat: ChatModel = { generate: (request) => model.generate(request), answerParser };
    const io = fakeIo('');
    const session = new ChatSession(chat, io, {});
    await session.answer('one');
    await session.answer('two');
    expect(io.out()).toBe('Yes.\nYes.\n');
    expect(model.requests[1].messages).toEqual([
      user('one'),
      { ...assistant('Yes.'), reasoning_content: 'hm' },
      user('two'),
    ]);
    const terminal = fakeIo('');
    await new ChatSession(chat, terminal, {}, undefined, 'colours').answer('one');
    expect(terminal.out()).toBe('\u001b[2mhm\u001b[0m\n\nYes.\n');
  });
});

describe('the interactive chat', () => {
  it('answers each line of a pipe, without anything else on stdout', async () => {
    const model = fakeModel();
    const io = fakeIo('hi\n\n/clear\nagain\n');
    await chatInteractively(new ChatSession(model, io, {}), io, 'fake');
    expect(io.out()).toBe('Hello!\nHello!\n');
    expect(io.err()).toBe('');
    expect(model.requests.map(({ messages }) => messages)).toEqual([[user('hi')], [user('again')]]);
  });

  it('knows its commands', async () => {
    const model = fakeModel();
    const io = fakeIo('/help\n/stats\nhi\n/stats\n/system be kind\nhi\n/what\n/toString\n/exit\nnever\n');
    await chatInteractively(new ChatSession(model, io, {}), io, 'fake');
    for (const command of ['/clear', '/set', '/save', '/load', '/regen']) expect(io.err()).toContain(command);
    expect(io.err()).toContain('nothing was answered yet');
    expect(io.err()).toMatch(/answer 3 tokens, 346 tokens\/s/);
    expect(io.err()).toContain('unknown command /what');
    expect(io.err()).toContain('unknown command /toString');
    expect(model.requests.map(({ messages }) => messages)).toEqual([
      [user('hi')],
      [{ role: 'system', content: 'be kind' }, user('hi')],
    ]);
  });

  it('takes messages of several lines: between quotes, and before a backslash', async () => {
    const model = fakeModel();
    const io = fakeIo('"""one\n/clear\n  two"""\nthree\\\nfour\n"""\nfive\n"""\nsix\\\n');
    await chatInteractively(new ChatSession(model, io, {}), io, 'fake');
    expect(model.requests.map(({ messages }) => messages?.at(-1)?.content)).toEqual([
      'one\n/clear\n  two',
      'three\nfour',
      'five',
      'six',
    ]);
  });

  it('sets parameters, takes them back, lists them, and refuses what they cannot be', async () => {
    const model = fakeModel();
    const io = fakeIo(
      '/set temperature 0.5\n/set max_tokens 7\n/set stop END\n/set top_p 3\n/set bogus 1\n/set constructor 1\n/set\nhi\n/set stop\n/set max_tokens\nhi\n',
    );
    await chatInteractively(new ChatSession(model, io, {}), io, 'fake');
    expect(io.err()).toContain('top_p cannot be 3');
    expect(io.err()).toContain('there is no parameter "bogus"');
    expect(io.err()).toContain('there is no parameter "constructor"');
    expect(io.err()).toContain('temperature = 0.5\n');
    expect(model.requests[0]).toMatchObject({ temperature: 0.5, maxTokens: 7, stop: ['END'] });
    expect(model.requests[1]).toMatchObject({ temperature: 0.5 });
    expect(model.requests[1]).not.toHaveProperty('stop');
    expect(model.requests[1]).not.toHaveProperty('maxTokens');
  });

  it('answers again, in place of the last answer', async () => {
    const model = fakeModel();
    const io = fakeIo('/regen\none\n/regen\ntwo\n');
    await chatInteractively(new ChatSession(model, io, {}), io, 'fake');
    expect(io.err()).toContain('nothing was asked yet');
    expect(model.requests.map(({ messages }) => messages)).toEqual([
      [user('one')],
      [user('one')],
      [user('one'), assistant('Hello!'), user('two')],
    ]);
  });

  it('saves a conversation and goes on from it, and refuses files of another kind', async () => {
    const file = path.join(scratch, 'talk.json');
    const io = fakeIo(`/system be kind\none\n/save ${file}\n`);
    await chatInteractively(new ChatSession(fakeModel(), io, {}), io, 'fake');
    expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toMatchObject({
      format: 'starling-conversations',
      conversations: [
        {
          conversation: { title: 'one', settings: { system: 'be kind' } },
          turns: [
            { role: 'user', text: 'one' },
            { role: 'assistant', text: 'Hello!' },
          ],
        },
      ],
    });
    const other = path.join(scratch, 'other.json');
    fs.writeFileSync(other, '{}');
    const model = fakeModel();
    const again = fakeIo(`/load ${other}\n/load ${path.join(scratch, 'none')}\n/load\n/load ${file}\ntwo\n`);
    await chatInteractively(new ChatSession(model, again, {}), again, 'fake');
    expect(again.err()).toMatch(
      /no file of conversations.*no such file.*name of a file is missing.*2 messages of "one"/s,
    );
    expect(model.requests.map(({ messages }) => messages)).toEqual([
      [{ role: 'system', content: 'be kind' }, user('one'), assistant('Hello!'), user('two')],
    ]);
  });

  it('goes on at a terminal after a message that failed', async () => {
    let calls = 0;
    const model = fakeModel({ refuse: () => (calls++ === 0 ? new TypeError('too long') : undefined) });
    const io = fakeIo('long\nshort\n', { isTerminal: true });
    await chatInteractively(new ChatSession(model, io, {}), io, 'fake');
    expect(io.err()).toContain('starling: too long');
    expect(io.out()).toBe('Hello!\n');
  });
});

describe('the interactive chat at a terminal', () => {
  it('stops the answer by Ctrl-C and goes on; twice without an answer leaves', async () => {
    const model = fakeModel({
      beforeToken: (index, { messages }) =>
        index < 1 || messages!.length > 1 ? Promise.resolve() : new Promise(() => undefined),
    });
    const io = fakeIo(undefined, { isTerminal: true });
    const chat = chatInteractively(new ChatSession(model, io, {}), io, 'fake');
    io.stdin.push('go\r');
    await until(() => io.out() === 'Hel');
    io.stdin.push('\u0003');
    await until(() => io.err().includes('ended by cancelled'));
    io.stdin.push('more\r');
    await until(() => io.err().split('answer ').length === 3);
    expect(model.ended).toEqual(['cancelled', 'stop']);
    io.stdin.push('half a line\u0003x');
    await until(() => io.err().endsWith('x'));
    expect(io.err()).not.toContain('Ctrl-C again');
    io.stdin.push('\u007f\u0003');
    await until(() => io.err().includes('Ctrl-C again'));
    io.stdin.push('\u0003');
    await chat;
    expect(model.requests).toHaveLength(2);
  });

  it('takes what is pasted as one message, when Enter is pressed behind it', async () => {
    const model = fakeModel();
    const io = fakeIo(undefined, { isTerminal: true });
    const chat = chatInteractively(new ChatSession(model, io, {}), io, 'fake');
    io.stdin.push('\u001b[200~one\r/clear\rthree\u001b[201~');
    await until(() => io.err().includes('three'));
    io.stdin.push('\r');
    await until(() => model.ended.length > 0);
    expect(model.requests.map(({ messages }) => messages)).toEqual([[user('one\n/clear\nthree')]]);
    io.stdin.push('/exit\r');
    await chat;
  });

  it('keeps what was typed for the next time, for its owner alone', async () => {
    const historyFile = path.join(scratch, 'deep', 'history');
    const talk = async (keys: string) => {
      const model = fakeModel();
      const io = fakeIo(undefined, { isTerminal: true });
      const chat = chatInteractively(new ChatSession(model, io, {}), io, 'fake', { historyFile });
      io.stdin.push(keys);
      await until(() => model.ended.length > 0);
      io.stdin.push('/exit\r');
      await chat;
      return model.requests.map(({ messages }) => messages?.at(-1)?.content);
    };
    await talk('first words\r');
    expect(await talk('\u001b[A\u001b[A\r')).toEqual(['first words']);
    expect(fs.statSync(historyFile).mode & 0o777).toBe(0o600);
  });
});
