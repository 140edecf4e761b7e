import type { ComputeMemory } from '@starling/kernels';
import { sequenceRecordWords, sequenceWords, tileRecordWords, tileWords } from '@starling/kernels/internal';
import type { SequenceInput } from '@starling/scheduler';
import type { StepBlock } from '../graph/step-block.js';
import type { ModelInfo } from './model-runtime.js';

/** What a step has of each kind of row. */
export interface StepCounts {
  readonly tokens: number;
  readonly outputs: number;
  readonly tiles: number;
  readonly sequences: number;
  /** 1 if a sequence has adapters, else 0. */
  readonly adapted: number;
}

/** Writes step blocks. Allocates nothing: it runs for each decoded token. */
export class StepWriter {
  readonly #words: readonly Int32Array[];
  readonly #at: StepBlock['at'];
  readonly #start: number;
  readonly #pageTokens: number;
  readonly #tileTokens: number;
  readonly #floats: readonly Float32Array[];
  readonly #adapterCount: number;
  readonly #hasTypes: boolean;
  readonly #hasWindowPages: boolean;
  readonly #counts = { tokens: 0, outputs: 0, tiles: 0, sequences: 0, adapted: 0 };

  /** @param tileTokens tokens of a tile of attention, at most */
  constructor(
    memories: readonly ComputeMemory[],
    block: StepBlock,
    { pageTokens }: Pick<ModelInfo, 'pageTokens'>,
    tileTokens: number,
  ) {
    this.#words = memories.map(({ words }) => words);
    this.#floats = memories.map(({ floats }) => floats);
    this.#adapterCount = block.adapterCount;
    this.#hasTypes = block.hasTypes;
    this.#hasWindowPages = block.hasWindowPages;
    this.#at = block.at;
    this.#start = block.place.address >>> 2;
    this.#pageTokens = pageTokens;
    this.#tileTokens = tileTokens;
  }

  /** Writes a batch that was found to be within the limits to all memories. The counts belong to the writer until the next call. */
  write(batch: readonly SequenceInput[], outputsOf: (sequence: SequenceInput) => SequenceInput['outputs']): StepCounts {
    for (let i = 0; i < this.#words.length; i++) this.#writeTo(i, batch, outputsOf);
    return this.#counts;
  }

  /** Sets which of the outputs become rows of logits: [first, first + count). */
  setHead(first: number, count: number): void {
    for (let i = 0; i < this.#words.length; i++) {
      const words = this.#words[i];
      words[this.#start + this.#at.head] = count;
      const rows = this.#start + this.#at.headRows;
      for (let row = 0; row < count; row++) words[rows + row] = first + row;
      if (this.#adapterCount === 0) continue;
      const owners = this.#start + this.#at.headOwners;
      const outputs = this.#start + this.#at.outputOwners + first;
      for (let row = 0; row < count; row++) words[owners + row] = words[outputs + row];
    }
  }

  #writeTo(
    memory: number,
    batch: readonly SequenceInput[],
    outputsOf: (sequence: SequenceInput) => SequenceInput['outputs'],
  ): void {
    const words = this.#words[memory];
    const at = this.#at;
    const start = this.#start;
    const counts = this.#counts;
    let row = 0;
    let outputs = 0;
    let tiles = 0;
    let tables = start + at.pageTables;
    const toWindows = at.windowTables - at.pageTables;
    let adapted = 0;
    for (let index = 0; index < batch.length; index++) {
      const sequence = batch[index];
      const secondFrom = sequence.secondFrom ?? Infinity;
      const { tokens, pages, startPosition } = sequence;
      const count = tokens.length;
      const end = startPosition + count;
      const wanted = outputsOf(sequence);
      const owner = this.#adapterCount > 0 ? this.#writeScales(memory, index + 1, sequence.adapterScales) : 0;
      if (owner > 0) adapted = 1;
      const firstOutput = wanted === 'all' ? 0 : wanted === 'last' ? count - 1 : count;
      for (let i = 0; i < count; i++) {
        const position = startPosition + i;
        words[start + at.tokenIds + row + i] = tokens[i];
        words[start + at.positions + row + i] = position;
        if (this.#hasTypes) words[start + at.tokenTypes + row + i] = i < secondFrom ? 0 : 1;
        words[start + at.tokenPages + row + i] = pages[Math.floor(position / this.#pageTokens)];
        words[start + at.tokenOffsets + row + i] = position % this.#pageTokens;
        if (this.#hasWindowPages)
          words[start + at.windowTokenPages + row + i] = sequence.windowPages![Math.floor(position / this.#pageTokens)];
        if (this.#adapterCount > 0) words[start + at.tokenOwners + row + i] = owner;
        if (i < firstOutput) continue;
        if (this.#adapterCount > 0) words[start + at.outputOwners + outputs] = owner;
        words[start + at.outputRows + outputs++] = row + i;
      }
      for (let first = 0; first < count; first += this.#tileTokens) {
        const rows = Math.min(this.#tileTokens, count - first);
        const keyEnd = sequence.encoderTokens ?? end;
        writeTile(words, start + at.tiles + tileRecordWords * tiles, row + first, rows, tables, keyEnd);
        if (this.#hasWindowPages)
          writeTile(
            words,
            start + at.windowTiles + tileRecordWords * tiles,
            row + first,
            rows,
            tables + toWindows,
            keyEnd,
          );
        tiles++;
      }
      const about = start + at.sequences + sequenceRecordWords * index;
      words[about + sequenceWords.rowBegin] = row;
      words[about + sequenceWords.rowCount] = count;
      words[about + sequenceWords.slot] = sequence.slot;
      words[about + sequenceWords.isNew] = startPosition === 0 ? 1 : 0;
      const pageCount = Math.ceil(end / this.#pageTokens);
      for (let page = 0; page < pageCount; page++) words[tables + page] = pages[page];
      if (this.#hasWindowPages)
        for (let page = 0; page < pageCount; page++) words[tables + toWindows + page] = sequence.windowPages![page];
      tables += pageCount;
      row += count;
    }
    words[start + at.tokens] = row;
    words[start + at.outputs] = outputs;
    counts.tokens = row;
    counts.outputs = outputs;
    counts.tiles = tiles;
    counts.sequences = batch.length;
    counts.adapted = adapted;
  }

  /** Writes the scales of a sequence to the row of its owner, and gives this: 0 if there is nothing to add. */
  #writeScales(memory: number, owner: number, scales: ArrayLike<number> | undefined): number {
    let isAdapted = false;
    const row = this.#start + this.#at.adapterScales + owner * this.#adapterCount;
    for (let adapter = 0; adapter < this.#adapterCount; adapter++) {
      const scale = scales?.[adapter] ?? 0;
      this.#floats[memory][row + adapter] = scale;
      if (scale !== 0) isAdapted = true;
    }
    return isAdapted ? owner : 0;
  }
}

function writeTile(
  words: Int32Array,
  record: number,
  rowBegin: number,
  rowCount: number,
  table: number,
  keyEnd: number,
): void {
  words[record + tileWords.rowBegin] = rowBegin;
  words[record + tileWords.rowCount] = rowCount;
  words[record + tileWords.pageTable] = 4 * table;
  words[record + tileWords.keyEnd] = keyEnd;
}
