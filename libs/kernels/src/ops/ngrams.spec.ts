import { matchGates } from './match-gates.js';
import { ngramRows } from './ngram-rows.js';
import { OpsHarness, randomFloats } from './ops-harness.test-support.js';

const [SIZE, PER_SIZE, END] = [3, 2, 9];
const MULTIPLIERS = [0x9e3779b97f4a7c15n, 0xc2b2ae3d27d4eb4fn, 3n];
const RANGES = [
  [11, 0],
  [13, 11],
  [7, 24],
  [17, 31],
];

/** Row numbers of a whole text, by the definition. */
const twin = (tokens: readonly number[]): number[] =>
  tokens.flatMap((token, place) => {
    const seen = [token];
    let isCut = false;
    for (let back = 1; back < SIZE; back++) {
      const before = tokens[place - back] ?? END;
      isCut ||= before === END;
      seen.push(isCut ? END : before);
    }
    return RANGES.map(([count, first], i) => {
      const mixed = seen
        .slice(0, 2 + Math.floor(i / PER_SIZE))
        .reduce((all, id, j) => all ^ BigInt.asUintN(64, BigInt(id) * MULTIPLIERS[j]), 0n);
      return Number(mixed % BigInt(count)) + first;
    });
  });

describe('rows by the last tokens', () => {
  const texts = [
    [4, 7, 9, 9, 2, 70_000, 5],
    [9, 1, 1, 8],
  ];
  const numbersOf = (cuts: readonly (readonly number[])[]): number[][] => {
    const harness = new OpsHarness();
    const state = harness.words(new Int32Array(4 * (SIZE - 1)).fill(77));
    const tables = {
      multipliers: harness.words(new Int32Array(BigUint64Array.from(MULTIPLIERS).buffer)),
      ranges: harness.words(RANGES.flat()),
    };
    const result = texts.map((): number[] => []);
    const done = [0, 0];
    for (const cut of cuts) {
      const parts = cut.map((count, text) => texts[text].slice(done[text], done[text] + count));
      const rows = harness.place(4 * RANGES.length * parts.flat().length);
      // Each text has its slot, in another order than the batch.
      const records = parts.flatMap((part, text) => [
        text === 0 ? 0 : parts[0].length,
        part.length,
        3 - text,
        done[text] === 0 ? 1 : 0,
      ]);
      harness.run(
        ngramRows.call({
          tokens: harness.words(parts.flat()),
          sequences: harness.words(records),
          state,
          slotStride: 4 * (SIZE - 1),
          ...tables,
          size: SIZE,
          perSize: PER_SIZE,
          end: END,
          rows,
          rowsStride: 4 * RANGES.length,
        }),
        0,
        2,
      );
      const all = Array.from(
        harness.memory.words.slice(rows >>> 2, (rows >>> 2) + RANGES.length * parts.flat().length),
      );
      result[0].push(...all.slice(0, RANGES.length * parts[0].length));
      result[1].push(...all.slice(RANGES.length * parts[0].length));
      cut.forEach((count, text) => (done[text] += count));
    }
    return result;
  };

  it('are those of the definition, with products of 64 bits', () => {
    expect(numbersOf([[7, 4]])).toEqual(texts.map(twin));
  });

  it('are the same however the texts are cut', () => {
    expect(
      numbersOf([
        [1, 2],
        [1, 1],
        [4, 1],
        [1, 0],
      ]),
    ).toEqual(texts.map(twin));
  });
});

describe('gates by how rows match', () => {
  it('are the logistic function of the signed root of their product', () => {
    const harness = new OpsHarness();
    const [groups, columns] = [3, 20];
    const [a, b] = [randomFloats(2 * groups * columns, 1), randomFloats(2 * groups * columns, 2)];
    a.fill(0, 0, columns);
    const gates = harness.place(4 * 2 * groups);
    const stride = 4 * groups * columns;
    harness.run(
      matchGates.call({
        a: harness.floats(a),
        aStride: stride,
        b: harness.floats(b),
        bStride: stride,
        groups,
        columns,
        factor: 0.7,
        gates,
        gatesStride: 4 * groups,
      }),
      0,
      2 * groups,
    );
    const expected = Array.from({ length: 2 * groups }, (_, unit) => {
      const match =
        0.7 *
        Array.from(a.subarray(unit * columns, (unit + 1) * columns)).reduce(
          (sum, value, i) => sum + value * b[unit * columns + i],
          0,
        );
      return 1 / (1 + Math.exp(-Math.sign(match) * Math.sqrt(Math.max(Math.abs(match), 1e-6))));
    });
    harness.read(gates, 2 * groups).forEach((gate, i) => expect(gate).toBeCloseTo(expected[i], 6));
  });
});
