import { fakeModel, fakeParts } from '../fake-parts.test-support.js';
import { canMean, pickModel } from './pick-model.js';

const modelsOf = (...names: string[]) => fakeParts({ served: names.map((name) => fakeModel({ name })) }).parts.models;
const refused = expect.objectContaining({ code: 'model_not_loaded' });

describe('the model that a name of a client’s means', () => {
  it.each([
    undefined,
    null,
    '',
    'one',
    'one:latest',
    'gpt-5',
    'claude-opus-4-8',
    'llama3.2:3b',
    'one.gguf',
    '/models/one.gguf',
    './models/one.gguf',
  ])('is the one that is served, for %j', (name) => {
    expect(pickModel(modelsOf('one'), name).info.name).toBe('one');
  });

  it.each([
    'two.gguf',
    'two.gguf:latest',
    'OWNER/REPO/two-Q8_0.gguf',
    'hf:OWNER/REPO:Q8_0',
    'hf.co/OWNER/REPO',
    'https://example.com/two.gguf',
    'elsewhere/one.gguf',
  ])('is not another that is served, for a file: %s', (name) => {
    expect(() => pickModel(modelsOf('one'), name)).toThrow(refused);
  });

  it('is told by its name alone where there are several', () => {
    const models = modelsOf('one', 'two');
    expect(pickModel(models, 'two:latest').info.name).toBe('two');
    expect(() => pickModel(models, 'gpt-5')).toThrow(refused);
  });
});

describe('a file of the cache folder', () => {
  const source = '/home/u/.cache/starling/models/Owner/Repo-GGUF/model-Q8_0.gguf';

  it.each([
    'Owner/Repo-GGUF/model-Q8_0.gguf',
    'hf:owner/repo-gguf',
    'hf.co/Owner/Repo-GGUF:latest',
    'huggingface.co/Owner/Repo-GGUF:Q8_0',
    'https://example.com/files/model-Q8_0.gguf',
    'gpt-5',
  ])('can be what %s means', (name) => {
    expect(canMean({ source }, name)).toBe(true);
  });

  it.each([
    'Owner/Other-GGUF/model-Q8_0.gguf',
    'hf:Owner/Repo-GGUF:Q4_K_M',
    'hf.co/Owner/Repo',
    'https://example.com/files/model.gguf',
  ])('is not what %s means', (name) => {
    expect(canMean({ source }, name)).toBe(false);
  });
});
