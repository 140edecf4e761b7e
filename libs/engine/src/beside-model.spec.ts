import type { ToolDefinition } from '@starling/chat';
import { asideThread } from '../test/aside-thread.js';
import { chatTemplateFor } from './chat-template.js';
import { byteTokenizer } from './testing/byte-tokenizer.js';
import { fakeModel } from '../test/fake-model.js';
import type { AsideRequest } from './aside/aside-job.js';
import { AsideQueue } from './aside/aside-queue.js';
import { LONG_TEXT } from './aside/steps.js';

function setUp(parts: object = {}) {
  const jobs: AsideRequest[] = [];
  const aside = new AsideQueue(() => asideThread(byteTokenizer(), (job) => void jobs.push(job)), {
    budgetMs: 1_000_000,
  });
  const large = { kvTokens: 4 * LONG_TEXT, contextLength: 4 * LONG_TEXT };
  return {
    jobs,
    aside,
    ...fakeModel({ aside, ...parts, info: { contextLength: large.contextLength } } as Parameters<typeof fakeModel>[0]),
  };
}
const kinds = (jobs: readonly AsideRequest[]) => jobs.map(({ kind }) => kind);
const long = 'abc '.repeat(LONG_TEXT / 3);
const heavy = { jsonSchema: { type: 'string', pattern: '^(a|b)*a(a|b){8}$' } };

describe('a model asked beside', () => {
  it('counts, encodes and decodes as it does at once, long texts in another thread', async () => {
    const { model, jobs } = setUp();
    expect(await model.beside.countTokens({ prompt: long })).toBe(model.countTokens({ prompt: long }));
    expect([...(await model.beside.encode(long)).ids]).toEqual([...model.tokenizer.encode(long)]);
    expect((await model.beside.encode(long, { withOffsets: true })).offsets).toEqual(
      model.tokenizer.encodeWithOffsets(long).offsets,
    );
    expect(await model.beside.decode(model.tokenizer.encode(long))).toBe(long);
    expect(kinds(jobs)).toEqual(['encode', 'encode', 'encode', 'decode']);
    expect([...(await model.beside.encode('short')).ids]).toEqual([...model.tokenizer.encode('short')]);
    expect(jobs).toHaveLength(4);
    await model.close();
  });

  it('renders long conversations in another thread, and what it refuses there is refused as at once', async () => {
    const chatTemplate = chatTemplateFor(
      "{%- if not tools %}{{ raise_exception('no tools') }}{%- endif %}{{ tools | tojson }}{%- for m in messages %}{{ m.content }}{%- endfor %}",
      byteTokenizer(),
    );
    const { model, jobs } = setUp({ chatTemplate });
    const messages = [{ role: 'user', content: 'a "question"' }];
    const toolsOf = (count: number): ToolDefinition[] =>
      Array.from({ length: count }, (_, i) => ({
        type: 'function',
        function: {
          name: `t${i}`,
          description: 'd'.repeat(3000),
          parameters: { type: 'object', properties: { a: { type: 'number' } } },
        },
      }));
    expect(await model.beside.applyTemplate(messages, { tools: toolsOf(2) })).toBe(
      model.applyTemplate(messages, { tools: toolsOf(2) }),
    );
    expect(jobs).toHaveLength(0);
    const tools = toolsOf(64);
    expect(await model.beside.applyTemplate(messages, { tools })).toBe(model.applyTemplate(messages, { tools }));
    expect(await model.beside.countTokens({ messages, tools })).toBe(model.countTokens({ messages, tools }));
    expect(kinds(jobs)).toEqual(['render', 'render', 'encode']);
    await expect(model.beside.applyTemplate([{ role: 'user', content: 'x'.repeat(1 << 17) }])).rejects.toMatchObject({
      code: 'invalid_template',
      details: { raised: 'no tools' },
    });
    expect(jobs).toHaveLength(4);
    await model.close();
  });

  it('refuses ids that are none', async () => {
    const { model } = setUp();
    await expect(model.beside.decode([1e6])).rejects.toMatchObject({
      code: 'invalid_request',
      details: { param: 'tokens[0]' },
    });
    await model.close();
  });

  it('answers as it does at once, with grammars worked out beside where that takes long', async () => {
    const { model, jobs } = setUp();
    const light = { regex: '[a-f]{3}x' };
    for (const constraint of [light, heavy]) {
      const request = { prompt: 'x', ...constraint, maxTokens: 20, seed: 3 };
      const beside = await (await model.beside.generate(request)).result();
      expect((await model.generate(request).result()).text).toBe(beside.text);
    }
    expect(kinds(jobs)).toEqual(['index', 'compile']);
    await (await model.beside.generate({ prompt: 'x', ...heavy, maxTokens: 1 })).result();
    expect(jobs).toHaveLength(2);
    await model.close();
  });

  it('works a grammar out anew for each tenant: what others asked for makes nothing faster', async () => {
    const { model, jobs } = setUp();
    const tooMuch = { regex: '(x{1000}){1000}' };
    const counts: number[] = [];
    for (const tenant of ['a', 'a', 'b', 'b', 'a']) {
      await (await model.beside.generate({ prompt: 'x', ...heavy, maxTokens: 1, tenant })).result();
      counts.push(kinds(jobs).filter((kind) => kind === 'compile').length);
    }
    expect(counts).toEqual([1, 1, 2, 2, 2]);
    for (const tenant of ['a', 'b'])
      await expect(model.beside.generate({ prompt: 'x', ...tooMuch, tenant })).rejects.toMatchObject({
        code: 'invalid_grammar',
      });
    await model.close();
  });

  it('refuses as it does at once, and remembers it', async () => {
    const { model, jobs } = setUp();
    const request = { prompt: 'x', regex: '(x{1000}){1000}' };
    for (let i = 0; i < 3; i++)
      await expect(model.beside.generate(request)).rejects.toMatchObject({
        code: 'invalid_grammar',
        details: { param: 'regex', limit: 'nfaStates' },
      });
    expect(kinds(jobs).filter((kind) => kind === 'compile').length).toBeLessThanOrEqual(1);
    await expect(model.beside.generate({ prompt: 'x'.repeat(10 * LONG_TEXT) })).rejects.toMatchObject({
      code: 'context_length_exceeded',
    });
    await model.close();
  });

  it('works out schemas that have parts in common, one after the other in the same thread', async () => {
    const { model, jobs } = setUp();
    const items = { enum: Array.from({ length: 60 }, (_, i) => `${i} ${'x'.repeat(9)}`) };
    for (const minItems of [2, 3, 4]) {
      const properties = {
        list: { type: 'array', uniqueItems: true, items, minItems, maxItems: minItems },
        text: { type: 'string', pattern: `^(a|b)*a(a|b){10}c{${minItems}}$` },
      };
      const jsonSchema = { type: 'object', properties, required: ['list'], additionalProperties: false };
      const { text } = await (
        await model.beside.generate({ prompt: 'x', jsonSchema, maxTokens: 200, seed: 1 })
      ).result();
      expect(new Set((JSON.parse(text) as { list: string[] }).list).size).toBe(minItems);
    }
    expect(kinds(jobs).filter((kind) => kind === 'compile').length).toBeGreaterThan(1);
    await model.close();
  });

  it('names what it refused, each time, where that took too long', async () => {
    let jobs = 0;
    const aside = new AsideQueue(
      () => ({ post: () => void jobs++, onReply: () => undefined, onEnd: () => undefined, terminate: () => undefined }),
      { budgetMs: 1 },
    );
    const { model } = fakeModel({ aside } as Parameters<typeof fakeModel>[0]);
    // The vocabulary's tree is there already.
    await model.generate({ prompt: 'x', regex: 'a', maxTokens: 1 }).result();
    for (let i = 0; i < 2; i++)
      await expect(
        model.beside.generate({ prompt: 'x', jsonSchema: { type: 'string', pattern: '^(a|b)*a(a|b){9}$' } }),
      ).rejects.toMatchObject({ code: 'unprocessable', details: { param: 'jsonSchema' } });
    expect(jobs).toBe(1);
    await model.close();
  });

  it('gives a session back whose prompt was refused', async () => {
    const { model } = setUp();
    const request = { prompt: 'x'.repeat(10 * LONG_TEXT), sessionId: 's' };
    for (let i = 0; i < 2; i++)
      await expect(model.beside.generate(request)).rejects.toMatchObject({ code: 'context_length_exceeded' });
    expect(
      (await (await model.beside.generate({ prompt: 'y', sessionId: 's', maxTokens: 1 })).result()).tokens,
    ).toHaveLength(1);
    await model.close();
  });

  it('does nothing more for a client that has gone', async () => {
    const { model } = setUp();
    const client = new AbortController();
    const answer = model.beside.generate({ prompt: long, signal: client.signal });
    client.abort();
    await expect(answer).rejects.toMatchObject({ code: 'cancelled' });
    expect(model.statistics()).toMatchObject({ running: 0 });
    await model.close();
  });

  it('ends with the model', async () => {
    const { model } = setUp();
    const answer = model.beside.generate({ prompt: long });
    await model.close({ drain: false });
    await expect(answer).rejects.toMatchObject({ code: expect.stringMatching(/^(closed|shutting_down)$/) });
  });

  it('is asked at once where there is no thread for it', async () => {
    const { model } = fakeModel();
    expect(await model.beside.countTokens({ prompt: long })).toBe(model.countTokens({ prompt: long }));
    await expect(model.beside.generate({ prompt: 'x', regex: '(' })).rejects.toMatchObject({ code: 'invalid_grammar' });
    await model.close();
  });
});
