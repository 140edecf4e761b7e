import { resolveConfig } from './config/resolve-config.js';
import { loadOptionsOf, ownNameOf, servedOptionsOf } from './load-config.js';

const configOf = (flags: Record<string, unknown>) => resolveConfig({ flags, environment: {} });

describe('what models are loaded with', () => {
  it.each([
    [{ ctxSize: '512', parallel: '2' }, 512],
    [{ ctxSize: '512', parallel: '2', ctxShared: true }, 256],
    [{ ctxSize: '512', parallel: '2', ctxShared: true, kvUnified: true }, 512],
    [{ ctxSize: '0', ctxShared: true }, undefined],
  ])('%j gives a sequence %s tokens', (flags, contextLength) => {
    expect(loadOptionsOf(configOf(flags)).contextLength).toBe(contextLength);
  });

  it.each([
    [{ ctxSize: '3', parallel: '4', ctxShared: true }, '--ctx-size 3'],
    [{ cacheTypeK: 'f16', cacheTypeV: 'q8_0' }, '--cache-type-v q8_0'],
    [{ chatTemplate: 'chatlm' }, 'chatml'],
    [{ chatTemplateFile: 'no-such-file' }, 'no-such-file'],
  ])('%j is refused, naming %s', (flags, name) => {
    expect(() => loadOptionsOf(configOf(flags))).toThrow(
      expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining(name) }),
    );
  });

  it('takes templates by name, and as they are', () => {
    expect(loadOptionsOf(configOf({ chatTemplate: 'llama3' })).chatTemplate).toContain('<|eot_id|>');
    expect(loadOptionsOf(configOf({ chatTemplate: 'This is none' })).chatTemplate).toBe('This is none');
    expect(loadOptionsOf(configOf({})).chatTemplate).toBeUndefined();
  });

  it('takes the smaller of two limits for a step, but a token for each sequence', () => {
    expect(loadOptionsOf(configOf({ batchSize: '64', ubatchSize: '32', parallel: '2' })).maxBatchTokens).toBe(32);
    expect(loadOptionsOf(configOf({ batchSize: '4', parallel: '8' })).maxBatchTokens).toBe(8);
  });
});

describe('what models are served with', () => {
  it('is nothing where nothing was said', () => {
    const { defaults, aliases } = servedOptionsOf(configOf({}), 'm', true);
    expect({ ...defaults, templateVariables: defaults.templateVariables?.([]) }).toEqual({
      sampling: undefined,
      maxTokens: undefined,
      reasoningTokens: undefined,
      pooling: undefined,
      templateVariables: {},
    });
    expect(aliases).toEqual([]);
  });

  it('is what the operator said of sampling, of the length, of reasoning and of names', () => {
    const { defaults, aliases, tags } = servedOptionsOf(
      configOf({
        temperature: '0',
        seed: '-1',
        samplers: 'top_k;temperature',
        logitBias: ['5-inf', '7+1.5'],
        nPredict: '8',
        reasoning: 'off',
        chatTemplateKwargs: '{"a": 1}',
        alias: ['b,a*', 'c'],
        tags: 'x',
      }),
      'm',
      true,
    );
    expect(defaults.sampling).toEqual({
      temperature: 0,
      seed: -1,
      samplers: ['top_k', 'temperature'],
      logitBias: [
        [5, -Infinity],
        [7, 1.5],
      ],
    });
    expect(defaults.maxTokens).toBe(8);
    expect(defaults.templateVariables?.([])).toEqual({ enable_thinking: false, a: 1 });
    expect([aliases, tags]).toEqual([['b', 'a*', 'c'], ['x']]);
    expect(ownNameOf(configOf({ alias: 'z,b,a*' }))).toBe('b');
  });

  it('is named as the operator says: without a model’s name the first, with it that one', () => {
    const config = configOf({ alias: 'a,gpt-*=big,b=small,c=big' });
    expect(
      [
        servedOptionsOf(config, 'first', true),
        servedOptionsOf(config, 'big', false),
        servedOptionsOf(config, 'small', false),
        servedOptionsOf(config, 'other', false),
      ].map(({ aliases }) => aliases),
    ).toEqual([['a'], ['gpt-*', 'c'], ['b'], []]);
    expect(ownNameOf(configOf({ alias: 'a=x,z' }))).toBe('z');
  });

  it('tells templates the day where asked to', () => {
    expect(servedOptionsOf(configOf({ jinja: true }), 'm', true).defaults.templateVariables?.([])).toEqual({
      date_string: expect.stringMatching(/^\d\d [A-Z][a-z]{2} \d{4}$/),
      datetime: expect.stringMatching(/^[A-Z][a-z]{2} \d\d \d{4}$/),
      functions: '',
    });
  });

  it.each([
    { temperature: '-1' },
    { samplers: 'nonsense' },
    { logitBias: 'x' },
    { reasoning: 'maybe' },
    { chatTemplateKwargs: '[1]' },
    { pooling: 'max' },
  ])('%j is refused', (flags) => {
    expect(() => configOf(flags)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});
