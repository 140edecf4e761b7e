import path from 'node:path';
import { StarlingError } from '@starling/core';
import { openGgufFile } from '@starling/gguf/node';
import { ComputeTurns } from '@starling/kernels';
import { planMemory } from '@starling/transformer/node';
import { fakeModel } from '../test/fake-model.js';
import type { EngineEvent } from './events.js';
import type { LanguageModel } from './language-model.js';
import { ModelRegistry, type ModelLoader } from './registry.js';
import { starlingLoader } from './starling-loader.js';

const weight = (source: string): number => Number(source.split(':')[1] ?? 10);
const memoryOf = (source: string) => ({
  weightBytes: weight(source),
  kvBytes: 5,
  scratchBytes: 0,
  totalBytes: weight(source) + 5,
});

/** Sources are `word:weightBytes`; the word `broken` fails, `slow` waits for `release`. */
const setUp = (memoryLimitBytes?: number) => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const events: EngineEvent[] = [];
  const loader: ModelLoader<string> = {
    describe: (source) => source,
    estimate: (source) => Promise.resolve(memoryOf(source)),
    async load(source, { name, onProgress }) {
      onProgress({ done: 1, total: 2 });
      if (source.startsWith('slow')) await held;
      if (source.startsWith('broken')) throw new StarlingError('invalid_model_file', `${source}: cut short`);
      return fakeModel({ name, source, info: { weightBytes: weight(source), kvBytes: 5, scratchBytes: 0 } }).model;
    },
  };
  const registry = new ModelRegistry({ loader, memoryLimitBytes });
  registry.on((event) => events.push(event));
  return { registry, events, release: () => release() };
};

const answer = (model: LanguageModel) => model.generate({ temperature: 0, prompt: 'abc', maxTokens: 20 }).result();

describe('ModelRegistry', () => {
  it('serves several models by name, the first by default', async () => {
    const { registry, events } = setUp();
    await registry.load('a:10', 'small');
    await registry.load('b:20', 'large');
    expect(registry.get().info.name).toBe('small');
    expect(registry.get('large').info.source).toBe('b:20');
    expect(registry.list().map(({ name, state, source, memory }) => [name, state, source, memory?.totalBytes])).toEqual(
      [
        ['small', 'ready', 'a:10', 15],
        ['large', 'ready', 'b:20', 25],
      ],
    );
    await answer(registry.get('large'));
    expect(events.map(({ kind, model }) => `${model} ${kind}`).slice(0, 5)).toEqual([
      'small model_loading',
      'small model_loaded',
      'large model_loading',
      'large model_loaded',
      'large request_queued',
    ]);
  });

  it('names what is ready when a model is not', async () => {
    const { registry } = setUp();
    expect(() => registry.get()).toThrow(expect.objectContaining({ code: 'model_not_loaded' }));
    await registry.load('a', 'a');
    expect(() => registry.get('b')).toThrow(
      expect.objectContaining({
        code: 'model_not_loaded',
        details: { param: 'model', model: 'b', state: undefined, ready: ['a'] },
      }),
    );
    await expect(registry.load('b', 'a')).rejects.toMatchObject({ code: 'conflict' });
    await expect(registry.unload('b')).rejects.toMatchObject({ code: 'model_not_loaded' });
    await expect(registry.reload('b')).rejects.toMatchObject({ code: 'model_not_loaded' });
  });

  it('gives the memory of a model back that could not be closed in order', async () => {
    const { registry, events } = setUp(20);
    const model = await registry.load('a:10', 'a');
    const close = model.close.bind(model);
    model.close = (options) =>
      close(options).then(() => Promise.reject(new StarlingError('internal', 'pages could not be stored')));
    await expect(registry.unload('a')).rejects.toMatchObject({ code: 'internal' });
    expect([registry.list(), registry.memory.usedBytes, events.at(-1)?.kind]).toEqual([[], 0, 'model_unloaded']);
    expect((await registry.load('b:10', 'a')).info.source).toBe('b:10');
  });

  it('loads and unloads while others serve', async () => {
    const { registry, release } = setUp();
    await registry.load('a', 'a');
    const loading = registry.load('slow', 'b');
    await Promise.resolve();
    expect(registry.list()[1]).toMatchObject({ name: 'b', state: 'loading' });
    expect((await answer(registry.get('a'))).tokens).toHaveLength(20);
    expect(registry.list()[1].progress).toEqual({ done: 1, total: 2 });
    await expect(registry.unload('b')).rejects.toMatchObject({
      code: 'model_not_loaded',
      message: expect.stringContaining('loading'),
    });
    release();
    await loading;
    const last = answer(registry.get('a'));
    const unloaded = registry.unload('a');
    expect(registry.list()[0].state).toBe('draining');
    expect(() => registry.get('a')).toThrow(expect.objectContaining({ code: 'model_not_loaded' }));
    expect(registry.get().info.name).toBe('b');
    await unloaded;
    expect((await last).tokens).toHaveLength(20);
    expect(registry.list().map(({ name }) => name)).toEqual(['b']);
    expect(registry.memory.usedBytes).toBe(15);
  });

  it('refuses a model that would not fit, with figures, before it loads it', async () => {
    const { registry, events } = setUp(60);
    await registry.load('a:30', 'a');
    await expect(registry.load('b:40', 'b')).rejects.toMatchObject({
      code: 'out_of_memory',
      message:
        'model b would take 45 bytes (weights 40 bytes, KV cache 5 bytes, scratch 0 bytes); 25 bytes of 60 bytes are left: unload a model, or give it a shorter context',
      details: { name: 'b', weightBytes: 40, kvBytes: 5, totalBytes: 45, usedBytes: 35, limitBytes: 60 },
    });
    expect(events.filter(({ model }) => model === 'b')).toEqual([]);
    expect(registry.list()[1]).toMatchObject({ name: 'b', state: 'failed', error: { code: 'out_of_memory' } });
    await registry.unload('a');
    await registry.load('b:40', 'b');
    expect(registry.memory).toEqual({ usedBytes: 45, limitBytes: 60 });
  });

  it('keeps a failed model in the list until its name is used again', async () => {
    const { registry, events } = setUp();
    await expect(registry.load('broken', 'a')).rejects.toMatchObject({ code: 'invalid_model_file' });
    expect(registry.list()).toEqual([
      expect.objectContaining({
        name: 'a',
        state: 'failed',
        error: expect.objectContaining({ code: 'invalid_model_file' }),
      }),
    ]);
    expect(events.at(-1)).toMatchObject({ kind: 'model_failed', code: 'invalid_model_file' });
    expect(registry.memory.usedBytes).toBe(0);
    await registry.load('good', 'a');
    expect(registry.get('a').info.source).toBe('good');
    await expect(registry.load('broken', 'b')).rejects.toThrow();
    await registry.unload('b');
    expect(registry.list()).toHaveLength(1);
  });

  it('replaces a model without a gap where memory holds both', async () => {
    const { registry } = setUp(60);
    await registry.load('v1:10', 'a');
    const underWay = answer(registry.get('a'));
    const reloaded = registry.reload('a', 'v2:20');
    expect(registry.get('a').info.source).toBe('v1:10');
    await reloaded;
    expect((await underWay).tokens).toHaveLength(20);
    expect(registry.get('a').info.source).toBe('v2:20');
    expect(registry.memory.usedBytes).toBe(25);
    await expect(registry.reload('a', 'broken')).rejects.toMatchObject({ code: 'invalid_model_file' });
    expect(registry.get('a').info.source).toBe('v2:20');
  });

  it('keeps the last of two replacements, and none of a model that is unloaded meanwhile', async () => {
    const { registry } = setUp();
    await registry.load('v1', 'a');
    await Promise.all([registry.reload('a', 'v2'), registry.reload('a', 'v3')]);
    expect(registry.get('a').info.source).toBe('v3');
    expect(registry.memory.usedBytes).toBe(15);
    const reloaded = registry.reload('a', 'v4');
    await registry.unload('a');
    await expect(reloaded).rejects.toMatchObject({ code: 'conflict' });
    expect(registry.list()).toEqual([]);
    expect(registry.memory.usedBytes).toBe(0);
  });

  it('drains the old model first where memory holds one, and not at all where the new one would never fit', async () => {
    const { registry } = setUp(40);
    await registry.load('v1:20', 'a');
    const underWay = answer(registry.get('a'));
    const reloaded = registry.reload('a', 'v2:30');
    await expect(underWay).resolves.toMatchObject({ finishReason: 'length' });
    await reloaded;
    expect(registry.get('a').info.source).toBe('v2:30');
    await expect(registry.reload('a', 'v3:40')).rejects.toMatchObject({
      code: 'out_of_memory',
      details: { usedBytes: 0 },
    });
    expect(registry.get('a').info.source).toBe('v2:30');
  });

  it('lets one of two replacements win where memory holds one, and stay reachable', async () => {
    const { registry } = setUp(20);
    await registry.load('a:10', 'x');
    const [one, two] = await Promise.allSettled([registry.reload('x', 'b:10'), registry.reload('x', 'c:10')]);
    expect(one).toMatchObject({ status: 'fulfilled' });
    expect(two).toMatchObject({ status: 'rejected', reason: { code: 'conflict' } });
    expect(registry.get('x').info.source).toBe('b:10');
    expect(registry.memory.usedBytes).toBe(15);
  });

  it('closes everything, also what is still loading', async () => {
    const { registry, release } = setUp();
    await registry.load('a', 'a');
    const loading = registry.load('slow', 'b');
    const closed = registry.close();
    release();
    await expect(loading).rejects.toMatchObject({ code: 'shutting_down' });
    await closed;
    expect(registry.list()).toEqual([]);
    await expect(registry.load('c', 'c')).rejects.toMatchObject({ code: 'shutting_down' });
  });

  it('has models of files take turns at computing, so that they use the threads of one', async () => {
    const seen: unknown[] = [];
    const registry = starlingLoader({
      openFile: openGgufFile,
      planRuntime: planMemory,
      loadRuntime: (_, { turns }) => {
        seen.push(turns);
        return Promise.reject(new StarlingError('not_supported', 'enough was seen'));
      },
      defaults: () => ({}),
    }).registry();
    const file = path.resolve(import.meta.dirname, '../../../apps/server/models/starling-demo-q8_0.gguf');
    for (const name of ['a', 'b'])
      await expect(registry.load(file, name)).rejects.toMatchObject({ code: 'not_supported' });
    expect(seen).toEqual([expect.any(ComputeTurns), seen[0]]);
    expect(seen[1]).toBe(seen[0]);
  });
});
