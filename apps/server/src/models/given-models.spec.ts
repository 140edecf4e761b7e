import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { StarlingError, type ErrorCode } from '@starling/core';
import type { RegisteredModel } from '@starling/engine';
import { demoModelFile } from '../assets.js';
import { resolveConfig } from '../config/resolve-config.js';
import type { ModelEntry } from '../parts.js';
import { GivenModels } from './given-models.js';
import { modelName } from './model-name.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-given-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));
const file = (name: string, text = 'a'): string => {
  const where = path.join(folder, name);
  fs.mkdirSync(path.dirname(where), { recursive: true });
  fs.writeFileSync(where, text);
  return where;
};
const [a, b, otherA] = ['a.gguf', 'b.gguf', 'other/a.gguf'].map((name) => file(name));
const configOf = (flags: Record<string, string | readonly string[]>) =>
  resolveConfig({ flags, environment: {}, readFile: () => '' });
const given = (...model: string[]) => configOf({ model });

/** A server's models as lists; `broken` says what goes wrong with a file. */
async function setUp(...references: string[]) {
  const entries = new Map<string, RegisteredModel>();
  const calls: string[] = [];
  const told: unknown[] = [];
  const broken = new Map<string, ErrorCode>();
  const put = (name: string, source: string, verb: string): Promise<ModelEntry> => {
    calls.push(`${verb} ${name} ${path.relative(folder, source)}`);
    models.noteLoading(name, source);
    const code = broken.get(source);
    if (code === undefined || entries.get(name)?.state !== 'ready')
      entries.set(name, { name, source, state: code === undefined ? 'ready' : 'failed' });
    return code === undefined
      ? Promise.resolve({ name, state: 'ready', source })
      : Promise.reject(new StarlingError(code, source));
  };
  const models: GivenModels = new GivenModels({
    registry: { list: () => [...entries.values()] },
    admin: {
      load(source, { name = modelName(source), replaceable, onName } = {}) {
        onName?.(name);
        const isThere = entries.get(name)?.state === 'ready';
        if (isThere && !replaceable?.has(name)) return Promise.reject(new StarlingError('conflict', name));
        return put(name, source, isThere ? 'replace' : 'load');
      },
      reload: (name) => put(name, entries.get(name)!.source, 'reload'),
      unload(name) {
        calls.push(`unload ${name}`);
        return entries.delete(name) ? Promise.resolve() : Promise.reject(new StarlingError('model_not_loaded', name));
      },
    },
    warmUp: async (name) => void calls.push(`warm ${name}`),
    log: { error: ({ model }: { readonly model?: unknown }) => void told.push(model) },
  });
  for (const reference of references) await models.load(reference, given(...references), { onName: () => undefined });
  calls.length = 0;
  return {
    models,
    entries,
    broken,
    told,
    takeCalls: () => calls.splice(0),
    names: () => [...entries.values()].map(({ name, state }) => `${name} ${state}`),
  };
}

describe('the models of a configuration that changes', () => {
  it('come, warm, before those go that are no more named', async () => {
    const { models, takeCalls } = await setUp(a);
    await models.follow(given(a));
    expect(takeCalls()).toEqual([]);
    await models.follow(given(b));
    expect(takeCalls()).toEqual(['load b b.gguf', 'warm b', 'unload a']);
    expect([models.isFirst('a'), models.isFirst('b')]).toEqual([false, true]);
  });

  it('stay where one that is to come in their place cannot be loaded, which is tried again', async () => {
    const { models, broken, told, takeCalls, names } = await setUp(a);
    broken.set(b, 'invalid_model_file');
    await models.follow(given(b));
    expect(names()).toEqual(['a ready', 'b failed']);
    expect([takeCalls(), told.splice(0)]).toEqual([['load b b.gguf'], [b]]);
    broken.clear();
    await models.follow(given(b));
    expect([takeCalls(), told]).toEqual([['load b b.gguf', 'warm b', 'unload a'], []]);
  });

  it('make room for those that do not fit beside them', async () => {
    const { models, broken, told, takeCalls } = await setUp(a);
    broken.set(b, 'out_of_memory');
    await models.follow(given(b));
    expect(takeCalls()).toEqual(['load b b.gguf', 'unload a', 'load b b.gguf']);
    expect(told).toEqual([b]);
  });

  it('take the place of one of their name without a gap', async () => {
    const { models, broken, takeCalls, names } = await setUp(a, b);
    broken.set(otherA, 'invalid_model_file');
    await models.follow(given(otherA, b));
    expect([takeCalls(), names()]).toEqual([['replace a other/a.gguf'], ['a ready', 'b ready']]);
    broken.clear();
    await models.follow(given(otherA, b));
    expect([takeCalls(), models.isFirst('a')]).toEqual([['replace a other/a.gguf', 'warm a'], true]);
    await models.follow(given(b));
    expect([takeCalls(), models.isFirst('b')]).toEqual([['unload a'], true]);
  });

  it('are the demo model where none is named, and no folder is', async () => {
    const { models, entries, takeCalls } = await setUp(a);
    const demo = modelName(demoModelFile());
    await models.follow(given());
    expect([...entries.values()].map(({ source }) => source)).toEqual([demoModelFile()]);
    expect(takeCalls().slice(1)).toEqual([`warm ${demo}`, 'unload a']);
    await models.follow(configOf({ modelsDir: folder }));
    expect(takeCalls()).toEqual([`unload ${demo}`]);
  });

  it('are read again when their file has changed, until that succeeds', async () => {
    const changing = file('changing.gguf');
    const { models, broken, takeCalls } = await setUp(changing, b);
    file('changing.gguf', 'longer');
    broken.set(changing, 'invalid_model_file');
    await models.follow(given(changing, b));
    broken.clear();
    await models.follow(given(changing, b));
    await models.follow(given(changing, b));
    expect(takeCalls()).toEqual(['reload changing changing.gguf', 'reload changing changing.gguf']);
  });

  it('leave alone what has their name by hand, and what was taken away by hand', async () => {
    const { models, entries, told, takeCalls } = await setUp(a, b);
    entries.delete('b');
    await models.follow(given(a));
    expect([takeCalls(), told]).toEqual([['unload b'], []]);
    entries.set('b', { name: 'b', source: otherA, state: 'ready' });
    await models.follow(given(a, b));
    await models.follow(given(a));
    expect([entries.has('b'), takeCalls(), told]).toEqual([true, [], [b]]);
  });
});
