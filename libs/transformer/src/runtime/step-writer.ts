import { sequenceRecordWords, sequenceWords, tileRecordWords, tileWords, type ComputeMemory } from '@starling/kernels';
import type { StepBlock } from '../graph/step-block.js';
import type { ModelInfo, SequenceInput } from './model-runtime.js';

/** What a step has of each kind of row. */
export interface StepCounts {
  readonly tokens: number;
  readonly outputs: number;
  readonly tiles: number;
  readonly sequences: number;
}

/** Writes step blocks. Allocates nothing: it runs for each decoded token. */
export class StepWriter {
  readonly #words: readonly Int32Array[];
  readonly #at: StepBlock['at'];
  readonly #start: number;
  readonly #pageTokens: number;
  readonly #tileTokens: number;
  readonly #counts = { tokens: 0, outputs: 0, tiles: 0, sequences: 0 };

  /** @param tileTokens tokens of a tile of attention, at most */
  constructor(memories: readonly ComputeMemory[], block: StepBlock, { pageTokens }: Pick<ModelInfo, 'pageTokens'>, tileTokens: number) {
    this.#words = memories.map(({ words }) => words);
    this.#at = block.at;
    this.#start = block.place.address >>> 2;
    this.#pageTokens = pageTokens;
    this.#tileTokens = tileTokens;
  }

  /** Writes a batch that was found to be within the limits to all memories. The counts belong to the writer until the next call. */
  write(batch: readonly SequenceInput[], outputsOf: (sequence: SequenceInput) => SequenceInput['outputs']): StepCounts {
    for (let i = 0; i < this.#words.length; i++) this.#writeTo(this.#words[i], batch, outputsOf);
    return this.#counts;
  }

  /** Sets which of the outputs become rows of logits: [first, first + count). */
  setHead(first: number, count: number): void {
    for (let i = 0; i < this.#words.length; i++) {
      const words = this.#words[i];
      words[this.#start + this.#at.head] = count;
      const rows = this.#start + this.#at.headRows;
      for (let row = 0; row < count; row++) words[rows + row] = first + row;
    }
  }

  #writeTo(words: Int32Array, batch: readonly SequenceInput[], outputsOf: (sequence: SequenceInput) => SequenceInput['outputs']): void {
    const at = this.#at;
    const start = this.#start;
    const counts = this.#counts;
    let row = 0;
    let outputs = 0;
    let tiles = 0;
    let tables = start + at.pageTables;
    for (let index = 0; index < batch.length; index++) {
      const sequence = batch[index];
      const { tokens, pages, startPosition } = sequence;
      const count = tokens.length;
      const end = startPosition + count;
      const wanted = outputsOf(sequence);
      const firstOutput = wanted === 'all' ? 0 : wanted === 'last' ? count - 1 : count;
      for (let i = 0; i < count; i++) {
        const position = startPosition + i;
        words[start + at.tokenIds + row + i] = tokens[i];
        words[start + at.positions + row + i] = position;
        words[start + at.tokenPages + row + i] = pages[Math.floor(position / this.#pageTokens)];
        words[start + at.tokenOffsets + row + i] = position % this.#pageTokens;
        if (i >= firstOutput) words[start + at.outputRows + outputs++] = row + i;
      }
      for (let first = 0; first < count; first += this.#tileTokens) {
        const record = start + at.tiles + tileRecordWords * tiles++;
        words[record + tileWords.rowBegin] = row + first;
        words[record + tileWords.rowCount] = Math.min(this.#tileTokens, count - first);
        words[record + tileWords.pageTable] = 4 * tables;
        words[record + tileWords.keyEnd] = end;
      }
      const about = start + at.sequences + sequenceRecordWords * index;
      words[about + sequenceWords.rowBegin] = row;
      words[about + sequenceWords.rowCount] = count;
      words[about + sequenceWords.slot] = sequence.slot;
      words[about + sequenceWords.isNew] = startPosition === 0 ? 1 : 0;
      const pageCount = Math.ceil(end / this.#pageTokens);
      for (let page = 0; page < pageCount; page++) words[tables + page] = pages[page];
      tables += pageCount;
      row += count;
    }
    words[start + at.tokens] = row;
    words[start + at.outputs] = outputs;
    counts.tokens = row;
    counts.outputs = outputs;
    counts.tiles = tiles;
    counts.sequences = batch.length;
  }
}
