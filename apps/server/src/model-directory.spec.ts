import { isStarlingError } from '@starling/core';
import type { LanguageModel, RegisteredModel } from '@starling/engine';
import { directoryOf, modelName } from './model-directory.js';

const entry = (name: string, state: RegisteredModel['state']): RegisteredModel => ({ name, state, source: `/m/${name}.gguf` });

const registryOf = (...entries: RegisteredModel[]) => ({
  list: () => entries,
  get: (name?: string) => `model ${name ?? 'first'}` as unknown as LanguageModel,
});

describe('a model’s name', () => {
  it('is its file’s, without ending and part', () => {
    expect(modelName('/a/b/Llama-3.Q4_0.gguf')).toBe('Llama-3.Q4_0');
    expect(modelName('C:\\models\\big-00001-of-00003.gguf')).toBe('big');
  });
});

describe('the directory of models', () => {
  it('adds what the app knows to what the registry lists', () => {
    const loadedAt = new Date(0);
    const directory = directoryOf(registryOf(entry('a', 'ready'), entry('b', 'failed')), new Map([['a', { sha256: 'abc', loadedAt }]]));
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
    expect(directoryOf(registryOf(entry('a', 'loading'), entry('b', 'ready')), new Map()).pick()).toBe('model first');
    expect(directoryOf(registryOf(entry('a', 'ready')), new Map()).pick('a')).toBe('model a');
  });
});
