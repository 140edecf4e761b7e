import * as naive from '../../test/naive-stages.js';
import { Candidates } from '../candidates.js';
import { Mt19937 } from '../mt19937.js';
import type { SamplerStage } from '../stage.js';
import { DryStage } from './dry.js';
import { dynamicTemperature } from './dynamic-temperature.js';
import { logitBias } from './logit-bias.js';
import { PenaltiesStage } from './penalties.js';
import { temperature } from './temperature.js';
import { topNSigma } from './top-n-sigma.js';
import { minP, topK, topP } from './truncation.js';
import { typicalP } from './typical-p.js';
import { XtcStage } from './xtc.js';

type Way = 'unsorted' | 'sorted' | 'many';
const WAYS: readonly Way[] = ['unsorted', 'sorted', 'many'];

const random = new Mt19937(77);
const bell = (): number => 6 * (random.nextDouble() + random.nextDouble() + random.nextDouble() - 1.5);

function someCandidates(way: Way): Candidates {
  const size = way === 'many' ? 1200 : 60;
  const candidates = new Candidates(size);
  candidates.load(Float32Array.from({ length: size }, bell));
  if (way === 'sorted') candidates.sort();
  return candidates;
}

const entriesOf = ({ ids, logits, size }: Candidates): naive.Entry[] =>
  Array.from({ length: size }, (_, i) => ({ id: ids[i], logit: logits[i] }));
const byId = (entries: readonly naive.Entry[]): naive.Entry[] => [...entries].sort((a, b) => a.id - b.id);

/** Both leave the same tokens; their logits agree but for rounding. */
function expectSame(candidates: Candidates, expected: readonly naive.Entry[]): void {
  const actual = byId(entriesOf(candidates));
  const wanted = byId(expected);
  expect(actual.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
  const differences = actual.map(({ logit }, i) => (logit === wanted[i].logit ? 0 : Math.abs(logit - wanted[i].logit)));
  expect(Math.max(...differences)).toBeLessThan(1e-3);
}

function check(way: Way, stage: SamplerStage, plainly: (entries: naive.Entry[]) => naive.Entry[]): void {
  for (let repeat = 0; repeat < 10; repeat++) {
    const candidates = someCandidates(way);
    const expected = plainly(entriesOf(candidates));
    stage.apply(candidates);
    expectSame(candidates, expected);
  }
}

describe.each(WAYS)('stages over %s candidates, against the plain definition', (way) => {
  it.each([1, 7, 40, 5000])('top-k %i', (k) => check(way, topK(k), (entries) => naive.topK(entries, k)));
  it('top-k 0 keeps all', () => check(way, topK(0), (entries) => entries));
  it.each([
    [0, 0],
    [0.3, 0],
    [0.9, 0],
    [0.99, 0],
    [0.3, 20],
    [1, 0],
  ])('top-p %p, at least %i', (p, minKeep) =>
    check(way, topP(p, minKeep), (entries) => (p < 1 ? naive.topP(entries, p, minKeep) : entries)),
  );
  it.each([
    [0.05, 0],
    [0.5, 0],
    [1, 0],
    [0.5, 20],
  ])('min-p %p, at least %i', (p, minKeep) =>
    check(way, minP(p, minKeep), (entries) => naive.minP(entries, p, minKeep)),
  );
  it.each([
    [0.2, 0],
    [0.8, 0],
    [0.2, 15],
  ])('typical-p %p, at least %i', (p, minKeep) =>
    check(way, typicalP(p, minKeep), (entries) => naive.typicalP(entries, p, minKeep)),
  );
  it.each([0.5, 1, 3])('top-n-sigma %p', (n) => check(way, topNSigma(n), (entries) => naive.topNSigma(entries, n)));
  it.each([0.2, 0.8, 2])('temperature %p', (value) =>
    check(way, temperature(value), (entries) => naive.temperature(entries, value)),
  );
  it.each([
    [0.8, 0.5, 1],
    [0.5, 1, 2],
  ])('dynamic temperature %p within %p, exponent %p', (value, range, exponent) =>
    check(way, dynamicTemperature(value, range, exponent), (entries) =>
      naive.dynamicTemperature(entries, value, range, exponent),
    ),
  );
  it('logit bias', () =>
    check(
      way,
      logitBias([
        { id: 3, bias: 2 },
        { id: 3, bias: 1 },
        { id: 5, bias: -Infinity },
      ]),
      (entries) => entries.map(({ id, logit }) => ({ id, logit: id === 3 ? logit + 3 : id === 5 ? -Infinity : logit })),
    ));
});

describe('temperature 0', () => {
  it('leaves the logit of the most likely candidate alone, of equal ones the first', () => {
    const candidates = new Candidates(4);
    candidates.load(Float32Array.of(1, 5, 5, -2));
    temperature(0).apply(candidates);
    expect([...candidates.logits]).toEqual([-Infinity, 5, -Infinity, -Infinity]);
  });
});

const histories = Array.from({ length: 12 }, (_, i) =>
  Array.from({ length: [0, 1, 2, 5, 30, 200][i % 6] }, () => random.nextUint32() % (i < 6 ? 4 : 50)),
);

describe.each(['unsorted', 'sorted'] as const)('penalties over %s candidates', (way) => {
  it.each([
    { lastN: 64, repeat: 1.3, frequency: 0, presence: 0 },
    { lastN: 10, repeat: 1, frequency: 0.4, presence: 0.6 },
    { lastN: 1, repeat: 0.8, frequency: -0.2, presence: 1 },
  ])('$lastN tokens, $repeat, $frequency, $presence', (settings) => {
    for (const history of histories) {
      const stage = new PenaltiesStage({ ...settings, repeat: Math.fround(settings.repeat) });
      for (const id of history) stage.accept(id);
      check(way, stage, (entries) => naive.penalize(entries, history, settings));
    }
  });

  it.each([
    { multiplier: 0.8, base: 1.75, allowedLength: 2, lastN: 128 },
    { multiplier: 1, base: 1.1, allowedLength: 1, lastN: 20 },
  ])('DRY over the last $lastN tokens', (settings) => {
    for (const history of histories) {
      const stage = new DryStage({ ...settings, base: Math.fround(settings.base) }, new Map());
      for (const id of history) stage.accept(id);
      check(way, stage, (entries) =>
        history.length > settings.allowedLength ? naive.dry(entries, history, settings, Infinity) : entries,
      );
    }
  });
});

describe('XTC', () => {
  const candidates = (): Candidates => {
    const result = new Candidates(5);
    result.load(Float32Array.from([0.05, 0.3, 0.25, 0.2, 0.2], Math.log));
    return result;
  };
  const left = (settings: { probability: number; threshold: number; minKeep: number }): number[] => {
    const result = candidates();
    new XtcStage(settings, new Mt19937(1)).apply(result);
    return entriesOf(result)
      .map(({ id }) => id)
      .sort();
  };

  it('removes the likely candidates but the least likely of them', () => {
    expect(left({ probability: 1, threshold: 0.22, minKeep: 0 })).toEqual([0, 2, 3, 4]);
    expect(left({ probability: 1, threshold: 0.1, minKeep: 0 })).toHaveLength(2);
  });

  it('removes nothing where one candidate is likely, too few would stay, or the threshold is above one half', () => {
    const all = [0, 1, 2, 3, 4];
    expect(left({ probability: 1, threshold: 0.28, minKeep: 0 })).toEqual(all);
    expect(left({ probability: 1, threshold: 0.1, minKeep: 3 })).toEqual(all);
    expect(left({ probability: 1, threshold: 0.51, minKeep: 0 })).toEqual(all);
    expect(left({ probability: 0, threshold: 0.1, minKeep: 0 })).toEqual(all);
  });

  it('acts as often as asked', () => {
    const stage = new XtcStage({ probability: Math.fround(0.3), threshold: 0.1, minKeep: 0 }, new Mt19937(3));
    let acted = 0;
    for (let i = 0; i < 10000; i++) {
      const result = candidates();
      stage.apply(result);
      if (result.size < 5) acted++;
    }
    expect(Math.abs(acted - 3000)).toBeLessThan(4 * Math.sqrt(10000 * 0.3 * 0.7));
  });
});
