import { fakeIo } from '../cli-io.test-support.js';
import { fakeModel } from '../fake-parts.test-support.js';
import { ChatSession } from './chat-session.js';
import { chatInteractively } from './interactive-chat.js';

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

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
    const session = new ChatSession(model, fakeIo(''), {});
    expect(session.stop()).toBe(false);
    const answer = session.answer('go');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(session.stop()).toBe(true);
    expect((await answer).finishReason).toBe('cancelled');
    expect(session.last?.text).toBe('Hel');
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
    const io = fakeIo('/help\n/stats\nhi\n/stats\n/system be kind\nhi\n/what\n/exit\nnever\n');
    await chatInteractively(new ChatSession(model, io, {}), io, 'fake');
    expect(io.err()).toContain('/clear');
    expect(io.err()).toContain('nothing was answered yet');
    expect(io.err()).toMatch(/answer 3 tokens, 346 tokens\/s/);
    expect(io.err()).toContain('unknown command /what');
    expect(model.requests.map(({ messages }) => messages)).toEqual([[user('hi')], [{ role: 'system', content: 'be kind' }, user('hi')]]);
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
