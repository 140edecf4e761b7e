import { isStarlingError } from '@starling/core';
import type { LanguageModel, RegisteredModel } from '@starling/engine';
import type { ServedModel } from '../parts.js';
import { directoryOf } from './model-directory.js';
import { modelName } from './model-name.js';

const entry = (name: string, state: RegisteredModel['state']): RegisteredModel => ({
  name,
  state,
  source: `/m/${name}.gguf`,
});

const registryOf = (...entries: RegisteredModel[]) => ({
  list: () => entries,
  get: (name?: string) => ({ info: { name: name ?? 'first' } }) as unknown as LanguageModel,
});

describe('a model’s name', () => {
  it('is its file’s, without ending and part', () => {
    expect(modelName('/a/b/Llama-3.Q4_0.gguf')).toBe('Llama-3.Q4_0');
    expect(modelName('/a/red\u001b[31m\n.gguf')).toBe('red\\u001b[31m\\u000a');
    expect(modelName('C:\\models\\big-00001-of-00003.gguf')).toBe('big');
  });
});

describe('the directory of models', () => {
  it('adds what the app knows to what the registry lists', () => {
    const loadedAt = new Date(0);
    const directory = directoryOf(
      registryOf(entry('a', 'ready'), entry('b', 'failed')),
      new Map([['a', { sha256: 'abc', loadedAt }]]),
    );
    expect(directory.list()).toEqual([
      { name: 'a', state: 'ready', source: '/m/a.gguf', sha256: 'abc', loadedAt },
      { name: 'b', state: 'failed', source: '/m/b.gguf' },
    ]);
  });

  it('tells clients to come back while the only model loads', () => {
    const directory = directoryOf(registryOf(entry('a', 'loading')), new Map());
    try {
      directory.pick();
    } catch (error) {
      expect(isStarlingError(error, 'model_not_loaded')).toBe(true);
      expect(error).toMatchObject({ details: { state: 'loading' } });
    }
    expect.assertions(2);
  });

  it('leaves every other choice to the registry', () => {
    expect(directoryOf(registryOf(entry('a', 'loading'), entry('b', 'ready')), new Map()).pick().info.name).toBe('b');
    expect(directoryOf(registryOf(), new Map()).pick().info.name).toBe('first');
    expect(directoryOf(registryOf(entry('a', 'ready')), new Map()).pick('a').info.name).toBe('a');
  });

  it('knows a model by its aliases, and by patterns; names of models come first', () => {
    const optionsOf = (name: string) => ({
      defaults: {},
      aliases: name === 'a' ? ['gpt-4', 'claude-*', 'b'] : [],
      tags: [],
    });
    const directory = directoryOf(registryOf(entry('a', 'ready'), entry('b', 'ready')), new Map(), { optionsOf });
    expect(['gpt-4', 'claude-x', 'claude-', 'b', 'c'].map((name) => directory.pick(name).info.name)).toEqual([
      'a',
      'a',
      'a',
      'b',
      'c',
    ]);
  });

  it('lists what could be loaded behind what is, and knows it by its names', () => {
    const listed = [
      { name: 'z', path: '/m/z.gguf' },
      { name: 'c', path: '/m/c.gguf', storedAs: 'owner/c.gguf', sha256: 'ab' },
      { name: 'd', path: '/m/d.gguf' },
    ];
    const catalog = {
      list: () => listed,
      find: (name: string) => listed.find((one) => one.name === name || one.storedAs === name),
    };
    const optionsOf = (name: string) => ({ defaults: {}, aliases: name === 'd' ? ['gpt-*'] : [], tags: [] });
    const model = { info: { name: 'z' }, aliases: [] } as unknown as ServedModel;
    const directory = directoryOf(registryOf(entry('a', 'ready'), entry('d', 'failed')), new Map(), {
      catalog,
      optionsOf,
      dormant: new Map([['z', { ...entry('z', 'ready'), model }]]),
    });
    expect(directory.list().map(({ name, state }) => `${name} ${state}`)).toEqual([
      'z sleeping',
      'a ready',
      'd failed',
      'c unloaded',
    ]);
    expect(['a', 'z', 'owner/c.gguf', 'gpt-4', 'none', undefined].map((name) => directory.resolve(name))).toEqual([
      'a',
      'z',
      'c',
      'd',
      undefined,
      'z',
    ]);
    // One that sleeps is known by what it was; one that was never loaded is not.
    expect(directory.pick('z')).toBe(model);
    expect(() => directory.pick('c')).toThrow(
      expect.objectContaining({ code: 'model_not_loaded', message: expect.stringContaining('/v1/models/load') }),
    );
  });
});
