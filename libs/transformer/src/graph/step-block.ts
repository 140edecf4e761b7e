import type { Placed } from '@starling/kernels';
import { sequenceRecordWords, tileRecordWords } from '@starling/kernels';
import { offsetPlace, Place } from './placement.js';

/** What limits the size of a step. */
export interface StepLimits {
  readonly contextLength: number;
  readonly maxBatchTokens: number;
  readonly maxSequences: number;
  readonly pageTokens: number;
}

/**
 * The step block: what kernels need to know of the step, written by the caller before each step at the same address in every memory.
 * T = tokens of a batch, S = sequences, P = pages of a full context.
 *
 * | words | name | content |
 * |---|---|---|
 * | 1 | tokens | number of tokens |
 * | 1 | outputs | number of rows whose results are wanted |
 * | 1 | head | number of rows of logits |
 * | T | tokenIds | |
 * | T | positions | |
 * | T | tokenPages | page that the token's keys are written to |
 * | T | tokenOffsets | place in that page |
 * | T | outputRows | row of the batch for each output |
 * | T | headRows | output for each row of logits |
 * | 4 T | tiles | tile records, see attention.ts |
 * | 4 S | sequences | sequence records, see sequence-records.ts |
 * | S P | pageTables | page ids, sequence after sequence |
 */
export class StepBlock {
  readonly place = new Place('step block');
  readonly words: number;
  /** Word offsets of the parts. */
  readonly at: Readonly<Record<StepPart, number>>;

  constructor({ contextLength, maxBatchTokens, maxSequences, pageTokens }: StepLimits) {
    const sizes: Record<StepPart, number> = {
      tokens: 1,
      outputs: 1,
      head: 1,
      tokenIds: maxBatchTokens,
      positions: maxBatchTokens,
      tokenPages: maxBatchTokens,
      tokenOffsets: maxBatchTokens,
      outputRows: maxBatchTokens,
      headRows: maxBatchTokens,
      tiles: tileRecordWords * maxBatchTokens,
      sequences: sequenceRecordWords * maxSequences,
      pageTables: maxSequences * Math.ceil(contextLength / pageTokens),
    };
    let words = 0;
    const at = {} as Record<StepPart, number>;
    for (const part of Object.keys(sizes) as StepPart[]) {
      at[part] = words;
      words += sizes[part];
    }
    this.at = at;
    this.words = words;
  }

  /** Where a part is. */
  part(part: StepPart): Placed {
    return offsetPlace(this.place, 4 * this.at[part]);
  }
}

export type StepPart = 'tokens' | 'outputs' | 'head' | 'tokenIds' | 'positions' | 'tokenPages' | 'tokenOffsets' | 'outputRows' | 'headRows' | 'tiles' | 'sequences' | 'pageTables';
