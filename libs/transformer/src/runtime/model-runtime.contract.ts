import type { SequenceInput } from '@starling/scheduler';
import type { ModelRuntime } from './model-runtime.js';

/** What the contract asks of a runtime under test: causal, with logits, at least 6 pages, 3 sequences and 24 tokens a step. */
export type RuntimeMaker = () => Promise<ModelRuntime>;

const tokens = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4];

/** Tests that every ModelRuntime has to pass. */
export function describeModelRuntime(name: string, make: RuntimeMaker): void {
  describe(`${name} as a model runtime`, () => {
    let runtime: ModelRuntime;
    beforeEach(async () => {
      runtime = await make();
    });
    afterEach(() => runtime.close());

    const pagesFor = (sequence: number): Int32Array =>
      Int32Array.from({ length: Math.ceil(tokens.length / runtime.info.pageTokens) }, (_, i) => 2 * sequence + i);
    const input = (
      part: readonly number[],
      startPosition: number,
      rest: Partial<SequenceInput> = {},
    ): SequenceInput => ({
      tokens: part,
      startPosition,
      pages: pagesFor(rest.slot ?? 0),
      slot: 0,
      outputs: 'all',
      ...rest,
    });

    /** Logits of `sequence` after each of its tokens, cut into steps of these lengths. */
    async function logitsInSteps(
      sequence: readonly number[],
      lengths: readonly number[],
      rest: Partial<SequenceInput> = {},
    ): Promise<number[][]> {
      const rows: number[][] = [];
      for (let at = 0, i = 0; at < sequence.length; i++) {
        const part = sequence.slice(at, at + lengths[i % lengths.length]);
        rows.push(...(await rowsOf([input(part, at, rest)])));
        at += part.length;
      }
      return rows;
    }

    async function rowsOf(batch: readonly SequenceInput[]): Promise<number[][]> {
      const { rows, logits } = await runtime.step(batch);
      const { vocabSize } = runtime.info;
      expect(logits.length).toBe(rows * vocabSize);
      return Array.from({ length: rows }, (_, row) =>
        Array.from(logits.subarray(row * vocabSize, (row + 1) * vocabSize)),
      );
    }

    it('gives rows for the outputs asked for, in order of the batch', async () => {
      const all = await logitsInSteps(tokens, [tokens.length]);
      expect(all).toHaveLength(tokens.length);
      const mixed = await rowsOf([
        input(tokens.slice(0, 5), 0, { slot: 1, outputs: 'none' }),
        input(tokens, 0, { outputs: 'last' }),
        input(tokens.slice(0, 2), 0, { slot: 2 }),
      ]);
      expect(mixed).toEqual([all[tokens.length - 1], all[0], all[1]]);
      expect((await runtime.step([input(tokens.slice(0, 5), 0, { outputs: 'none' })])).rows).toBe(0);
    });

    it('gives the same bits however a sequence is cut into steps, on whatever pages', async () => {
      const whole = await logitsInSteps(tokens, [tokens.length]);
      expect(await logitsInSteps(tokens, [1])).toEqual(whole);
      expect(await logitsInSteps(tokens, [7, 2, 4])).toEqual(whole);
      expect(await logitsInSteps(tokens, [6, 1], { pages: pagesFor(1).toReversed() })).toEqual(whole);
    });

    it('keeps sequences of a batch apart', async () => {
      const reversed = [...tokens].reverse();
      const alone = [
        await logitsInSteps(tokens, [tokens.length]),
        await logitsInSteps(reversed, [tokens.length], { slot: 1, pages: pagesFor(1) }),
      ];
      const together: number[][][] = [[], []];
      for (let at = 0; at < tokens.length; at += 4) {
        const rows = await rowsOf([
          input(tokens.slice(at, at + 4), at),
          input(reversed.slice(at, at + 4), at, { slot: 1 }),
        ]);
        together[0].push(...rows.slice(0, 4));
        together[1].push(...rows.slice(4));
      }
      expect(together).toEqual(alone);
    });

    it('goes on from copied pages, and what is written to the copy leaves the original alone', async () => {
      const whole = await logitsInSteps(tokens, [tokens.length]);
      const copies = pagesFor(2);
      for (const [i, page] of pagesFor(0).entries()) await runtime.copyPage(page, copies[i]);
      expect(await rowsOf([input([1, 1], 10, { slot: 2 })])).toHaveLength(2);
      expect(await rowsOf([input(tokens.slice(18), 18)])).toEqual(whole.slice(18));
      expect(await rowsOf([input(tokens.slice(10), 10, { slot: 2 })])).toEqual(whole.slice(10));
    });

    it('takes calls in turn', async () => {
      const expected = await logitsInSteps(tokens.slice(0, 3), [1]);
      const rows: number[][] = [];
      const { vocabSize } = runtime.info;
      await Promise.all(
        [0, 1, 2].map((i) =>
          runtime
            .step([input([tokens[i]], i)])
            .then(({ logits }) => void rows.push(Array.from(logits.subarray(0, vocabSize)))),
        ),
      );
      expect(rows).toEqual(expected);
    });

    it('refuses what is beyond its limits, and goes on', async () => {
      const { contextLength, maxBatchTokens, maxSequences, vocabSize, pageCount } = runtime.info;
      const refused: readonly (readonly SequenceInput[])[] = [
        [input([], 0)],
        [input([vocabSize], 0)],
        [input([-1], 0)],
        [input([1.5], 0)],
        [input([1], -1)],
        [input([1], contextLength)],
        [input([1], 0, { slot: maxSequences })],
        [input([1], 0, { pages: Int32Array.of() })],
        [input([1], 0, { pages: Int32Array.of(pageCount) })],
        [input(new Array<number>(maxBatchTokens + 1).fill(1), 0, { pages: new Int32Array(contextLength) })],
        Array.from({ length: maxSequences + 1 }, () => input([1], 0)),
      ];
      for (const batch of refused)
        await expect(runtime.step(batch)).rejects.toMatchObject({ code: 'invalid_argument' });
      expect(await rowsOf([input([1], 0)])).toHaveLength(1);
    });

    it('refuses everything once it is closed', async () => {
      await runtime.close();
      await expect(runtime.step([input([1], 0)])).rejects.toMatchObject({ code: 'closed' });
      await expect(runtime.copyPage(0, 1)).rejects.toMatchObject({ code: 'closed' });
    });
  });
}
