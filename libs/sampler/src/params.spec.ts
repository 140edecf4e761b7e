import { DEFAULT_SAMPLER_PARAMS, resolveSamplerParams, type SamplerOptions } from './params.js';
import { stageLettered, stageNamed, unknownStageNames } from './stage-names.js';

const refusal = expect.objectContaining({ code: 'invalid_argument' });

describe('resolveSamplerParams', () => {
  it("has llama-server's defaults, in single precision", () => {
    const resolved = resolveSamplerParams({});
    expect(resolved.temperature).toBe(Math.fround(0.8));
    expect(resolved.topP).toBe(Math.fround(0.95));
    expect(resolved).toMatchObject({
      topK: 40,
      repeatLastN: 64,
      dryPenaltyLastN: 64,
      dryAllowedLength: 2,
      minKeep: 0,
      mirostat: 0,
      seed: undefined,
    });
  });

  it('takes null for the default', () => {
    const nulls = Object.fromEntries(Object.keys(DEFAULT_SAMPLER_PARAMS).map((key) => [key, null])) as SamplerOptions;
    expect(resolveSamplerParams({ ...nulls, seed: null })).toEqual(resolveSamplerParams({}));
  });

  it.each([
    ['topK', -5, 0],
    ['topP', -0.5, 0],
    ['topP', 1.5, 1],
    ['minP', 2, 1],
    ['temperature', -1, 0],
    ['mirostat', 3, 2],
    ['mirostat', -1, 0],
    ['xtcProbability', 7, 1],
    ['adaptiveTarget', 2, 1],
    ['adaptiveTarget', -3, -3],
    ['topNSigma', -1, -1],
    ['dryBase', 0.5, 1.75],
    ['topK', 2.9, 2],
  ] as const)('brings %s %p to %p', (key, value, expected) => {
    expect(resolveSamplerParams({ [key]: value })[key]).toBe(expected);
  });

  it.each([
    ['repeatLastN', -2],
    ['dryPenaltyLastN', -2],
    ['ignoreEos', 'false'],
    ['dryAllowedLength', -1],
    ['minKeep', -1],
    ['adaptiveDecay', 1],
    ['repeatPenalty', 0],
    ['repeatPenalty', -1],
    ['repeatPenalty', 1e-45],
    ['temperature', NaN],
    ['temperature', Infinity],
    ['topK', '40'],
    ['seed', 'x'],
    ['drySequenceBreakers', []],
    ['drySequenceBreakers', [1]],
    ['bannedStrings', 'x'],
    ['samplers', [3]],
  ])('refuses %s %p and names it', (key, value) => {
    expect(() => resolveSamplerParams({ [key]: value } as SamplerOptions)).toThrow(refusal);
    expect(() => resolveSamplerParams({ [key]: value } as SamplerOptions)).toThrow(key);
  });

  it('takes seeds modulo 2^32, and -1 for a random one', () => {
    expect([5, -2, 2 ** 32 + 3, 7.9].map((seed) => resolveSamplerParams({ seed }).seed)).toEqual([5, 4294967294, 3, 7]);
    expect([-1, 4294967295].map((seed) => resolveSamplerParams({ seed }).seed)).toEqual([undefined, undefined]);
  });
});

describe('names of stages', () => {
  it('may be written in several ways', () => {
    expect(
      [
        'topK',
        'top_k',
        'top-k',
        'topk',
        'TOP_K',
        'nucleus',
        'temp',
        'typ',
        'typ_p',
        'typical_p',
        'typicalP',
        'min-p',
        'topnsigma',
      ].map(stageNamed),
    ).toEqual([
      'topK',
      'topK',
      'topK',
      'topK',
      'topK',
      'topP',
      'temperature',
      'typicalP',
      'typicalP',
      'typicalP',
      'typicalP',
      'minP',
      'topNSigma',
    ]);
  });

  it('have letters', () => {
    expect(Array.from('edskypmxtai', stageLettered)).toEqual([
      'penalties',
      'dry',
      'topNSigma',
      'topK',
      'typicalP',
      'topP',
      'minP',
      'xtc',
      'temperature',
      'adaptiveP',
      'infill',
    ]);
  });

  it('that mean nothing can be told', () => {
    expect(unknownStageNames(['top_k', 'topK', 'logit_bias', 'logitBias', 'banana', 'mine'], ['mine'])).toEqual([
      'banana',
    ]);
    expect(unknownStageNames('kq')).toEqual(['q']);
  });
});
