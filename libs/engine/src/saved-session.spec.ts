import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CHATML_TEMPLATE } from '@starling/chat';
import { byteTokenizer } from './testing/byte-tokenizer.js';
import { fakeModel, saying, type FakeModelSetUp } from '../test/fake-model.js';
import { chatTemplateFor } from './chat-template.js';
import type { GenerateRequest } from './generate-types.js';
import type { LanguageModel } from './language-model.js';
import { readSessionFile, writeSessionFile } from './session-file.node.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-saved-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));
const file = path.join(folder, 'one.starkv');

const chat: FakeModelSetUp = {
  chatTemplate: chatTemplateFor(CHATML_TEMPLATE, byteTokenizer()),
  logits: saying('Yes.'),
};
/** A machine that has the model. */
const machine = (set: FakeModelSetUp = {}): LanguageModel =>
  fakeModel({
    ...chat,
    weightsDigest: 'w',
    ...set,
    info: { pageTokens: 4, contextLength: 2048, pageCount: 512, ...set.info },
  }).model;
const user = (content: string) => ({ role: 'user', content });
const ask = (model: LanguageModel, request: GenerateRequest) =>
  model.generate({ temperature: 0, maxTokens: 20, ...request }).result();

/** A conversation that was saved, and what its next turn says on the machine where it was held. */
async function saved(set: FakeModelSetUp = {}) {
  const model = machine(set);
  await ask(model, { sessionId: 'chat', tenant: 'x', messages: [user('One?')] });
  await ask(model, { sessionId: 'chat', tenant: 'x', messages: [user('Two?')] });
  await writeSessionFile(file, await model.sessionsOf('x').save('chat'));
  return { model, next: await ask(model, { sessionId: 'chat', tenant: 'x', messages: [user('Three?')] }) };
}

describe.each([false, true])('a session in a file (recurrent layers: %s)', (hasRecurrentState) => {
  const set = { info: { hasRecurrentState } };

  it('is gone on from on another machine, as it would be where it was', async () => {
    const { model, next } = await saved(set);
    const other = machine(set);
    const opened = await other.sessionsOf('y').open(await readSessionFile(file), { as: 'moved' });
    expect(opened).toMatchObject({
      id: 'moved',
      turns: model.sessionsOf('x').list()[0].turns.slice(0, 2),
      isBusy: false,
    });
    expect(opened.knownTokens).toBeGreaterThan(0.9 * opened.tokens);
    const there = await ask(other, { sessionId: 'moved', tenant: 'y', messages: [user('Three?')] });
    expect(there.tokens).toEqual(next.tokens);
    expect(there.usage).toEqual(next.usage);
    expect(other.sessionsOf('x').list()).toEqual([]);
    expect((await ask(other, { tenant: 'x', messages: [user('One?')] })).usage.cachedTokens).toBe(0);
  });

  it('has what was evicted computed again', async () => {
    const model = machine({ info: { ...set.info, pageCount: 64, contextLength: 256 } });
    await ask(model, { sessionId: 's', prompt: 'a'.repeat(80) });
    for (const letter of 'bcde') await ask(model, { prompt: letter.repeat(90) });
    const record = await model.sessionsOf().save('s');
    expect(record.tokens.length).toBe(0);
    const other = machine({ info: { ...set.info, pageCount: 64, contextLength: 256 } });
    expect((await other.sessionsOf().open(record)).knownTokens).toBe(0);
    const [there, here] = [
      await ask(other, { sessionId: 's', prompt: 'b' }),
      await ask(model, { sessionId: 's', prompt: 'b' }),
    ];
    expect(there.tokens).toEqual(here.tokens);
    expect(there.usage.promptTokens).toBe(here.usage.promptTokens);
  });
});

describe('a file of a session', () => {
  it('is refused by name where weights, format, layout, adapters or context are others', async () => {
    await saved();
    const record = await readSessionFile(file);
    const refused = async (set: FakeModelSetUp, message: RegExp) => {
      const model = machine(set);
      await expect(model.sessionsOf().open(record)).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringMatching(message) as string,
      });
      expect(model.sessionsOf().list()).toEqual([]);
    };
    await refused({ weightsDigest: 'other' }, /^[^']*the weights are others$/);
    await refused({ info: { kvType: 'F16' } }, /format of keys and values/);
    await refused({ info: { pageTokens: 8 } }, /laid out/);
    await refused({ info: { contextLength: 128 } }, /context 2048.*context 128/);
    const facts = JSON.parse(record.memo) as object;
    const broken = (change: object) =>
      machine()
        .sessionsOf()
        .open({ ...record, memo: JSON.stringify({ ...facts, ...change }) });
    await expect(broken({ adapters: [{ digest: 'd', scale: 1 }] })).rejects.toThrow(/with 1 adapter, not all loaded/);
    await expect(broken({ rest: [999] })).rejects.toThrow(/vocabulary/);
    for (const change of [{ version: 2 }, { rest: 'x' }, { model: null }, { id: 4 }])
      await expect(broken(change)).rejects.toThrow(/holds no session/);
    await expect(
      machine()
        .sessionsOf()
        .open({ ...record, label: '' }),
    ).rejects.toThrow(/holds no session/);
    await expect(fakeModel(chat).model.sessionsOf().open(record)).rejects.toMatchObject({ code: 'not_supported' });
    const odd = await broken({ thread: '{"version":1,"turns":[{"tokens":-1}]}' });
    expect(odd.turns).toEqual([]);
  });

  it('is refused when it is damaged, cut or foreign, and when it is not there', async () => {
    await saved();
    const bytes = fs.readFileSync(file);
    const attempt = async (content: Uint8Array) => {
      fs.writeFileSync(file, content);
      await expect(readSessionFile(file)).rejects.toMatchObject({
        code: 'invalid_request',
        details: { param: 'file' },
      });
    };
    for (let at = 0; at < bytes.length; at += 97)
      await attempt(Buffer.from(bytes.map((byte, i) => (i === at ? byte ^ 4 : byte))));
    await attempt(bytes.subarray(0, 1000));
    await attempt(Buffer.from('something else'));
    fs.rmSync(file);
    await expect(readSessionFile(file)).rejects.toMatchObject({ code: 'file_not_found' });
  });

  it('is neither made of a session that is busy, nor opened under a name that is taken', async () => {
    const { model } = await saved();
    const record = await readSessionFile(file);
    await expect(model.sessionsOf('x').open(record)).rejects.toMatchObject({
      code: 'conflict',
      details: { param: 'sessionId' },
    });
    const running = model.generate({ sessionId: 'busy', prompt: 'abc', maxTokens: 4 });
    await expect(model.sessionsOf().save('busy')).rejects.toMatchObject({ code: 'conflict' });
    await running.result();
    await expect(model.sessionsOf().save('none')).rejects.toMatchObject({ code: 'not_found' });
  });
});
