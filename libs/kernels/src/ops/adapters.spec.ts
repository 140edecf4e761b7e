import { addDirections, addOwnedRows, weighSegments } from './adapters.js';
import { OpsHarness, randomFloats } from './ops-harness.test-support.js';

/** (owners, adapters) scales: owner 0 has none, owner 1 the first adapter, owner 2 both. */
const SCALES = [
  [0, 0],
  [0.5, 0],
  [2, -1],
];
const OWNERS = [1, 0, 2, 2];

function place(harness: OpsHarness): { owners: number; scales: number; scalesStride: number } {
  return { owners: harness.words(OWNERS), scales: harness.floats(SCALES.flat()), scalesStride: 8 };
}

describe.each([
  ['plain', {}],
  ['joined', { relaxed: true, wide: true }],
])('what adapters add to rows (%s)', (_, build) => {
  it('scales each segment by its adapter and factor, and leaves nothing of adapters that are not chosen, not even what is no number', () => {
    const harness = new OpsHarness(build);
    const [adapterOf, factors] = [
      [0, 1, 0],
      [1, 0.25, 3],
    ];
    const rows = Array.from({ length: 4 }, (__, i) => randomFloats(12, i + 1));
    rows[0].fill(Infinity, 4, 8);
    rows[1].fill(NaN);
    const target = harness.floats(rows.flatMap((row) => [...row]));
    const floats = harness.memory.floats;
    const segments = harness.words(adapterOf.flatMap((adapter) => [4 * adapter, 0]));
    factors.forEach((factor, i) => (floats[(segments >>> 2) + 2 * i + 1] = factor));
    harness.run(weighSegments.call({ target, targetStride: 48, ...place(harness), segments, bytes: 48 }), 0, 4);
    const actual = harness.read(target, 48);
    rows.forEach((row, r) => {
      row.forEach((value, i) => {
        const segment = i >> 2;
        const scale = SCALES[OWNERS[r]][adapterOf[segment]];
        expect(actual[12 * r + i]).toBeCloseTo(scale === 0 ? 0 : value * scale * factors[segment], 5);
      });
    });
  });

  it('adds to rows that have an owner alone', () => {
    const harness = new OpsHarness(build);
    const [before, added] = [randomFloats(4 * 7, 1), randomFloats(4 * 7, 2)];
    const target = harness.floats(before);
    harness.run(
      addOwnedRows.call({
        target,
        targetStride: 28,
        source: harness.floats(added),
        sourceStride: 28,
        owners: harness.words(OWNERS),
        bytes: 28,
      }),
      0,
      4,
    );
    const expected = before.map((value, i) => (OWNERS[Math.floor(i / 7)] === 0 ? value : value + added[i]));
    expect(harness.read(target, 28)).toEqual(expected);
  });

  it('adds directions by the scales of their adapters, and passes over those of scale 0', () => {
    const harness = new OpsHarness(build);
    const directions = [randomFloats(6, 3), new Float32Array(6).fill(Infinity), randomFloats(6, 4)];
    const adapterOf = [1, 0, 1];
    const before = randomFloats(4 * 6, 5);
    const target = harness.floats(before);
    const { owners, ...rest } = place(harness);
    harness.memory.words.set([0, 0, 2, 2], owners >>> 2);
    harness.memory.floats[(rest.scales >>> 2) + 4] = 0;
    harness.run(
      addDirections.call({
        target,
        targetStride: 24,
        owners,
        ...rest,
        adapters: harness.words(adapterOf.map((adapter) => 4 * adapter)),
        directions: harness.floats(directions.flatMap((row) => [...row])),
        count: 3,
        bytes: 24,
      }),
      0,
      4,
    );
    const actual = harness.read(target, 24);
    for (let row = 0; row < 4; row++) {
      for (let i = 0; i < 6; i++)
        expect(actual[6 * row + i]).toBeCloseTo(
          before[6 * row + i] + (row < 2 ? 0 : -directions[0][i] - directions[2][i]),
          5,
        );
    }
  });
});
