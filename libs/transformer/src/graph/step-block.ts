import type { Placed } from '@starling/kernels';
import { sequenceRecordWords, tileRecordWords } from '@starling/kernels/internal';
import { offsetPlace, Place } from './placement.js';

/** What limits the size of a step. */
export interface StepLimits {
  readonly contextLength: number;
  readonly maxBatchTokens: number;
  readonly maxSequences: number;
  readonly pageTokens: number;
  /** Whether the model tells the tokens of two texts apart. Default false. */
  readonly hasTypes?: boolean;
  /** Whether windowed layers have pages of their own. Default false. */
  readonly hasWindowPages?: boolean;
  /** Adapters beside the model. Default 0. */
  readonly adapterCount?: number;
}

/**
 * The step block: what kernels need to know of the step, written by the caller before each step at the same address in every memory.
 * T = tokens of a batch, S = sequences, P = pages of a full context, A = adapters.
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
 * | T, 4 T, S P | windowTokenPages, windowTiles, windowTables | as tokenPages, tiles and pageTables, of the pages of windowed layers; no word where those have none of their own |
 * | T | tokenTypes | 0, or 1 in the second of two texts; no word where the model does not tell them apart |
 * | T | tokenOwners, outputOwners, headOwners | of each such row the row of scales: 0, or 1 + its sequence if that has adapters; without adapters beside the model no word |
 * | (S + 1) A | adapterScales | A scales for each owner as floats; owner 0 has zeros |
 */
export class StepBlock {
  readonly place = new Place('step block');
  readonly words: number;
  /** Word offsets of the parts. */
  readonly at: Readonly<Record<StepPart, number>>;
  readonly adapterCount: number;
  readonly hasTypes: boolean;
  readonly hasWindowPages: boolean;

  constructor({
    contextLength,
    maxBatchTokens,
    maxSequences,
    pageTokens,
    hasTypes = false,
    hasWindowPages = false,
    adapterCount = 0,
  }: StepLimits) {
    this.hasWindowPages = hasWindowPages;
    const windowed = hasWindowPages ? 1 : 0;
    this.hasTypes = hasTypes;
    const owners = adapterCount > 0 ? maxBatchTokens : 0;
    this.adapterCount = adapterCount;
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
      windowTokenPages: windowed * maxBatchTokens,
      windowTiles: windowed * tileRecordWords * maxBatchTokens,
      windowTables: windowed * maxSequences * Math.ceil(contextLength / pageTokens),
      tokenTypes: hasTypes ? maxBatchTokens : 0,
      tokenOwners: owners,
      outputOwners: owners,
      headOwners: owners,
      adapterScales: (maxSequences + 1) * adapterCount,
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

export type StepPart =
  | 'tokens'
  | 'outputs'
  | 'head'
  | 'tokenIds'
  | 'positions'
  | 'tokenPages'
  | 'tokenOffsets'
  | 'outputRows'
  | 'headRows'
  | 'tiles'
  | 'sequences'
  | 'pageTables'
  | 'windowTokenPages'
  | 'windowTiles'
  | 'windowTables'
  | 'tokenTypes'
  | 'tokenOwners'
  | 'outputOwners'
  | 'headOwners'
  | 'adapterScales';
