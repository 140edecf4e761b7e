import { Mt19937 } from './mt19937.js';
import { createSampler } from './sampler.js';
import { sampleStageViolations } from './stage-check.js';
import { statelessStage, type SamplerStage } from './stage.js';
import { AdaptivePStage } from './stages/adaptive-p.js';
import { BannedStringsStage } from './stages/banned-strings.js';
import { DrawStage } from './stages/draw.js';
import { DryStage } from './stages/dry.js';
import { dynamicTemperature } from './stages/dynamic-temperature.js';
import { infill } from './stages/infill.js';
import { logitBias } from './stages/logit-bias.js';
import { mirostatV1, mirostatV2 } from './stages/mirostat.js';
import { PenaltiesStage } from './stages/penalties.js';
import { temperature } from './stages/temperature.js';
import { topNSigma } from './stages/top-n-sigma.js';
import { minP, topK, topP } from './stages/truncation.js';
import { typicalP } from './stages/typical-p.js';
import { XtcStage } from './stages/xtc.js';

const vocabulary = {
  size: 300,
  endOfGeneration: new Set([4]),
  bytesOf: (id: number) => new TextEncoder().encode(String(id)),
};
const target = { tau: 3, eta: Math.fround(0.1) };

const BUILT_IN: readonly (readonly [string, (size: number) => SamplerStage])[] = [
  [
    'logit bias',
    () =>
      logitBias([
        { id: 3, bias: 2 },
        { id: 4, bias: -Infinity },
      ]),
  ],
  ['banned strings', () => new BannedStringsStage(['12', '7'], vocabulary)],
  ['penalties', () => new PenaltiesStage({ lastN: 20, repeat: Math.fround(1.3), frequency: 0.5, presence: 0.25 })],
  ['DRY', () => new DryStage({ multiplier: 1, base: 2, allowedLength: 1, lastN: 50 }, new Map([[3, [[]]]]))],
  ['top-n-sigma', () => topNSigma(1)],
  ['top-k', () => topK(10)],
  ['typical-p', () => typicalP(0.5, 2)],
  ['top-p', () => topP(0.5, 2)],
  ['min-p', () => minP(Math.fround(0.1), 2)],
  ['XTC', () => new XtcStage({ probability: 0.5, threshold: Math.fround(0.01), minKeep: 1 }, new Mt19937(1))],
  ['temperature', () => temperature(0.5)],
  ['temperature 0', () => temperature(0)],
  ['dynamic temperature', () => dynamicTemperature(1, 0.5, 1)],
  ['infill', () => infill(vocabulary)],
  ['draw', () => new DrawStage(new Mt19937(1))],
  ['mirostat 1', (size) => mirostatV1(target, size, new Mt19937(1))],
  ['mirostat 2', () => mirostatV2(target, new Mt19937(1))],
  ['adaptive-p', () => new AdaptivePStage({ target: 0.25, decay: 0.5 }, new Mt19937(1))],
];

describe('sampleStageViolations', () => {
  it.each(BUILT_IN)('finds that %s keeps all the rules', (_, make) => {
    expect(sampleStageViolations(make)).toEqual([]);
  });

  const broken: readonly (readonly [string, string, () => SamplerStage])[] = [
    ['leaves nothing', 'no candidate is left', () => statelessStage('x', (candidates) => void (candidates.size = 0))],
    [
      'invents candidates',
      'there are more candidates than before',
      () => statelessStage('x', (candidates) => void (candidates.size += 1)),
    ],
    [
      'doubles a candidate',
      'a candidate comes twice or is no token',
      () => statelessStage('x', (candidates) => candidates.overwrite(0, 5, 1)),
    ],
    ['makes NaN', 'a logit is NaN', () => statelessStage('x', ({ logits }) => void (logits[0] = NaN))],
    [
      'masks all',
      'every candidate lost its logit',
      () => statelessStage('x', ({ logits }) => void logits.fill(-Infinity)),
    ],
    [
      'lies about the order',
      'the candidates say they are sorted and are not',
      () => statelessStage('x', (candidates) => void (candidates.sorted = true)),
    ],
    [
      'selects nothing that is there',
      'the selected index is no candidate',
      () => statelessStage('x', (candidates) => void (candidates.selected = 999)),
    ],
    [
      'throws dice of its own',
      'two stages made alike behave differently',
      () => statelessStage('x', ({ logits }) => void (logits[0] = Math.random())),
    ],
    ['shares its memory with its fork', 'a fork behaves differently from its original', counting],
  ];

  it.each(broken)('finds out one that %s', (_, violation, make) => {
    expect(sampleStageViolations(make)).toContain(violation);
  });
});

function counting(): SamplerStage {
  let calls = 0;
  return statelessStage('counting', ({ logits }) => void (logits[0] = calls++));
}

it('an own stage takes its place in the chain by its name', () => {
  const onlyEven = (): SamplerStage =>
    statelessStage('onlyEven', (candidates) => {
      for (let i = 0; i < candidates.size; i++) if (candidates.ids[i] % 2 === 1) candidates.logits[i] = -Infinity;
      candidates.sorted = false;
    });
  expect(sampleStageViolations(onlyEven)).toEqual([]);
  const sampler = createSampler(
    { samplers: ['onlyEven', 'topK'], topK: 2 },
    { size: 5, endOfGeneration: new Set() },
    { stages: { onlyEven } },
  );
  expect(sampler.stages).toEqual(['onlyEven', 'topK', 'draw']);
  const tokens = Array.from({ length: 50 }, () => sampler.sample(Float32Array.of(0, 9, 1, 9, 2)).id);
  expect(new Set(tokens)).toEqual(new Set([2, 4]));
});
