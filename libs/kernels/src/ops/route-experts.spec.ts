import fc from 'fast-check';
import { ComputeMemory } from '../memory/compute-memory.js';
import type { KernelCall } from '../program/program.js';
import { controlBytes, controlWords, stepCounts } from '../team/control-block.js';
import { addGatedRows, combineExperts } from './combine-experts.js';
import { OpsHarness, randomFloats } from './ops-harness.test-support.js';
import { groupByExpert, routeExperts, type RouteOperands } from './route-experts.js';
import { routeTwin } from './scalar-twins.js';
import { scriptKernels } from './script-kernels.js';

/** Runs kernels in TypeScript over a memory whose places are handed out one after another. */
class ScriptHarness {
  readonly memory = ComputeMemory.create(65536);
  #next = controlBytes;

  place(words: number): { address: number } {
    const address = this.#next;
    this.#next += Math.ceil(words / 16) * 64;
    return { address };
  }

  floats(values: ArrayLike<number>): { address: number } {
    const place = this.place(values.length);
    this.memory.floats.set(values, place.address >>> 2);
    return place;
  }

  words(at: { address: number }, count: number): number[] {
    return Array.from(this.memory.words.subarray(at.address >>> 2, (at.address >>> 2) + count));
  }

  run({ kernel, operands }: KernelCall, begin: number, end: number): void {
    const descriptor = this.place(operands.length).address >>> 2;
    operands.forEach((operand, i) => {
      if (typeof operand === 'number') this.memory.words[descriptor + i] = operand;
      else if ('float' in operand) this.memory.floats[descriptor + i] = operand.float;
      else this.memory.words[descriptor + i] = operand.address;
    });
    if (kernel.kind === 'script') scriptKernels[kernel.name](this.memory, descriptor, begin, end, [this.memory]);
  }
}

const experts = 12;
const used = 3;

function route(
  logits: Float32Array,
  rest: Pick<RouteOperands, 'gating' | 'normalize' | 'factor' | 'byLogits' | 'scoresPerExpert'> & {
    bias?: Float32Array;
    groups?: RouteOperands['groups'];
  },
): { chosen: number[]; weights: number[] } {
  const harness = new ScriptHarness();
  const tokens = logits.length / experts;
  const [chosen, weights] = [harness.place(tokens * used), harness.place(tokens * used)];
  const operands = {
    logits: harness.floats(logits),
    logitsStride: 4 * experts,
    scores: harness.place(tokens * experts),
    scoresStride: 4 * experts,
    experts,
    used,
    chosen,
    weights,
  };
  harness.run(routeExperts({ ...operands, ...rest, bias: rest.bias && harness.floats(rest.bias) }), 0, tokens);
  return {
    chosen: harness.words(chosen, tokens * used),
    weights: Array.from(harness.memory.floats.subarray(weights.address >>> 2, (weights.address >>> 2) + tokens * used)),
  };
}

describe('routing to experts', () => {
  it.each([
    { gating: 'softmax', normalize: true, factor: 1 },
    { gating: 'softmax', normalize: false, factor: 2.5 },
    { gating: 'sigmoid', normalize: true, factor: 1.5 },
    { gating: 'softmaxOfUsed', normalize: false, factor: 1 },
  ] as const)('chooses and weights as defined: %o', (rest) => {
    const logits = randomFloats(5 * experts, 1).map((value) => 4 * value);
    for (const bias of [undefined, randomFloats(experts, 2)]) {
      const { chosen, weights } = route(logits, { ...rest, bias });
      const expected = Array.from({ length: 5 }, (_, token) =>
        routeTwin(logits.subarray(token * experts, (token + 1) * experts), { ...rest, used, bias }),
      ).flat();
      expect(chosen).toEqual(expected.map(({ expert }) => expert));
      expected.forEach(({ weight }, i) => expect(weights[i]).toBeCloseTo(weight, 6));
    }
  });

  it('chooses from the groups with the best two experts only', () => {
    // Group 1 (experts 3..5) has the best single expert, but groups 0 and 3 have the better pairs.
    const logits = Float32Array.of(5, 4, 0, 6, -9, -9, 1, 1, 1, 4.5, 5.5, 3);
    const { chosen } = route(logits, {
      gating: 'softmaxOfUsed',
      normalize: false,
      factor: 1,
      groups: { count: 4, used: 2 },
    });
    expect(chosen).toEqual([10, 0, 9]);
  });

  it('chooses by logits where their scores are the same number', () => {
    const logits = Float32Array.of(40, 60, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    expect(route(logits, { gating: 'sigmoid', normalize: false, factor: 1 }).chosen).toEqual([0, 1, 2]);
    expect(route(logits, { gating: 'sigmoid', normalize: false, factor: 1, byLogits: true })).toEqual({
      chosen: [1, 2, 0],
      weights: [1, 1, 1],
    });
  });

  it('chooses an expert by each of its scores, and gives it the weight of its number', () => {
    const scores = Float32Array.of(0.5, 0.25, 0.125, 0, 3, 2, 0, 0, 0, 1, 0, 0);
    expect(route(scores, { gating: 'none', normalize: false, factor: 2, scoresPerExpert: 4 })).toEqual({
      chosen: [1, 1, 2],
      weights: [0.5, 0.5, 0.25],
    });
  });

  it('moves weights to the rows of their choices', () => {
    const harness = new ScriptHarness();
    const [choices, weights] = [[7, 2, 2, 0], Float32Array.of(0.1, 0.2, 0.3, 0.4)];
    const chosen = harness.place(4);
    harness.memory.words.set(choices, chosen.address >>> 2);
    const tokens = harness.place(1);
    harness.memory.words[tokens.address >>> 2] = 2;
    const moved = { weights: harness.floats(weights), weightOfRow: harness.place(4) };
    const places = {
      firstRows: harness.place(experts + 1),
      inUse: harness.place(experts),
      rowOfChoice: harness.place(4),
      tokenOfRow: harness.place(4),
      expertOfRow: harness.place(4),
    };
    harness.run(groupByExpert({ chosen, tokens, used: 2, experts, ...places, moved }), 0, 1);
    const floats = (at: { address: number }): Float32Array =>
      harness.memory.floats.subarray(at.address >>> 2, (at.address >>> 2) + 4);
    harness
      .words(places.rowOfChoice, 4)
      .forEach((row, choice) => expect(floats(moved.weightOfRow)[row]).toBe(weights[choice]));
    expect(Array.from(floats(moved.weights))).toEqual([1, 1, 1, 1]);
  });

  it("sorts choices by expert: every choice has a row of its own among its expert's", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(fc.nat(experts - 1), { minLength: used, maxLength: used }), {
          minLength: 1,
          maxLength: 20,
        }),
        (choices) => {
          const harness = new ScriptHarness();
          const count = choices.length * used;
          const chosen = harness.place(count);
          harness.memory.words.set(choices.flat(), chosen.address >>> 2);
          const tokens = harness.place(1);
          harness.memory.words[tokens.address >>> 2] = choices.length;
          const places = {
            firstRows: harness.place(experts + 1),
            inUse: harness.place(experts),
            rowOfChoice: harness.place(count),
            tokenOfRow: harness.place(count),
            expertOfRow: harness.place(count),
          };
          harness.run(groupByExpert({ chosen, tokens, used, experts, ...places }), 0, 1);
          const rows = harness.words(places.rowOfChoice, count);
          const firstRows = harness.words(places.firstRows, experts + 1);
          expect([...rows].sort((a, b) => a - b)).toEqual(rows.map((_, i) => i));
          choices.flat().forEach((expert, choice) => {
            expect(rows[choice] >= firstRows[expert] && rows[choice] < firstRows[expert + 1]).toBe(true);
            expect(harness.words(places.tokenOfRow, count)[rows[choice]]).toBe(Math.floor(choice / used));
            expect(harness.words(places.expertOfRow, count)[rows[choice]]).toBe(expert);
          });
          const present = [...new Set(choices.flat())].sort((a, b) => a - b);
          expect(harness.memory.words[controlWords.counts + stepCounts.experts]).toBe(present.length);
          expect(harness.words(places.inUse, present.length)).toEqual(present);
        },
      ),
    );
  });

  it("sums the results of a token's choices, and lets a shared block in by its gate", () => {
    const harness = new OpsHarness();
    const [columns, rows, weights] = [8, [4, 1, 0, 2], randomFloats(4, 3)];
    const source = randomFloats(5 * columns, 4);
    const output = harness.place(2 * 4 * columns);
    harness.run(
      combineExperts.call({
        source: harness.floats(source),
        sourceStride: 4 * columns,
        rows: harness.words(rows),
        weights: harness.floats(weights),
        used: 2,
        output,
        outputStride: 4 * columns,
        bytes: 4 * columns,
      }),
      0,
      2,
    );
    const expected = [0, 1].flatMap((token) =>
      Array.from({ length: columns }, (_, c) =>
        [0, 1].reduce((sum, i) => sum + weights[2 * token + i] * source[rows[2 * token + i] * columns + c], 0),
      ),
    );
    harness.read(output, 2 * columns).forEach((value, i) => expect(value).toBeCloseTo(expected[i], 6));
    const gates = Float32Array.of(-1.5, 2);
    harness.run(
      addGatedRows.call({
        target: output,
        targetStride: 4 * columns,
        source: harness.floats(source),
        sourceStride: 4 * columns,
        gate: harness.floats(gates),
        gateStride: 4,
        bytes: 4 * columns,
      }),
      0,
      2,
    );
    harness
      .read(output, 2 * columns)
      .forEach((value, i) =>
        expect(value).toBeCloseTo(expected[i] + source[i] / (1 + Math.exp(-gates[Math.floor(i / columns)])), 6),
      );
  });
});
