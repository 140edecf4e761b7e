import { StarlingError } from '@starling/core';
import { checkBatch } from './batch-limits.js';
import type { EmbeddingOutput, ModelInfo, ModelRuntime, Pooling, SequenceInput, StepOutput } from './model-runtime.js';
import { SlotPositions } from './slot-positions.js';

/** Fills the logits that follow `history` (all tokens of the sequence up to and with this position). */
export type FakeLogits = (logits: Float32Array, history: readonly number[]) => void;

export interface FakeModelOptions {
  /** Any field of `info` that matters to the test. */
  readonly info?: Partial<ModelInfo>;
  /** Default: the next token is (last token + 1) modulo the vocabulary, by a clear margin. */
  readonly logits?: FakeLogits;
  /** Awaited in each step, so that a test can hold a step, delay it, or make it fail. */
  readonly onStep?: (batch: readonly SequenceInput[]) => void | Promise<void>;
}

const defaultInfo: ModelInfo = {
  architecture: 'fake',
  contextLength: 512,
  trainedContextLength: 512,
  vocabSize: 256,
  layerCount: 1,
  embeddingLength: 4,
  parameterCount: 0,
  pageTokens: 16,
  pageCount: 256,
  pageBytes: 64,
  kvType: 'F32',
  maxBatchTokens: 64,
  maxSequences: 8,
  threads: 1,
  weightBytes: 0,
  kvBytes: 256 * 64,
  scratchBytes: 0,
  memoryCount: 1,
  quantization: 'F32',
  conversions: [],
  hasRecurrentState: false,
  causal: true,
  hasLogits: true,
};

/**
 * A model without weights, for tests of the layers above: it remembers the tokens that were written to each page, and
 * computes logits from what a sequence's pages hold. So a wrong page table, a position that was skipped, or a page that
 * was given away too early gives wrong tokens or an error here as it would with a real model. With `hasRecurrentState` it refuses steps that
 * break the rules for slots, too.
 */
export class FakeModelRuntime implements ModelRuntime {
  readonly info: ModelInfo;
  /** Batches that were run, newest last. */
  readonly steps: { readonly tokens: number; readonly sequences: number }[] = [];
  readonly #logits: FakeLogits;
  /** For models with a recurrent state. */
  readonly #slots: SlotPositions | undefined;
  readonly #onStep: NonNullable<FakeModelOptions['onStep']>;
  /** (pageCount, pageTokens): the token whose keys would lie there, undefined if none was written. */
  readonly #pages: (number | undefined)[][];
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: FakeModelOptions = {}) {
    this.info = { ...defaultInfo, ...options.info };
    this.#logits = options.logits ?? successor;
    this.#slots = this.info.hasRecurrentState ? new SlotPositions(this.info.maxSequences) : undefined;
    this.#onStep = options.onStep ?? (() => undefined);
    this.#pages = Array.from({ length: this.info.pageCount }, () => new Array<number | undefined>(this.info.pageTokens).fill(undefined));
  }

  step(batch: readonly SequenceInput[]): Promise<StepOutput> {
    return this.#inTurn(async () => {
      const size = checkBatch(batch, this.info);
      this.#slots?.begin(batch);
      await this.#onStep(batch);
      this.#assertOpen();
      this.steps.push({ tokens: size.tokens, sequences: batch.length });
      const { vocabSize } = this.info;
      const logits = new Float32Array(size.outputRows * vocabSize);
      let row = 0;
      for (const sequence of batch) {
        this.#write(sequence);
        const count = sequence.tokens.length;
        const first = sequence.outputs === 'all' ? 0 : sequence.outputs === 'last' ? count - 1 : count;
        for (let i = first; i < count; i++, row++) {
          this.#logits(logits.subarray(row * vocabSize, (row + 1) * vocabSize), this.#history(sequence, sequence.startPosition + i + 1));
        }
      }
      this.#slots?.end(batch);
      return { rows: size.outputRows, logits };
    });
  }

  embed(batch: readonly SequenceInput[], options: { pooling?: Pooling } = {}): Promise<EmbeddingOutput> {
    return this.#inTurn(async () => {
      checkBatch(batch, this.info);
      this.#slots?.begin(batch);
      await this.#onStep(batch);
      this.#assertOpen();
      const { embeddingLength } = this.info;
      const rows = batch.flatMap((sequence) => ((options.pooling ?? this.info.pooling) === 'none' ? Array.from(sequence.tokens) : [sequence.tokens[sequence.tokens.length - 1]]));
      const vectors = new Float32Array(rows.length * embeddingLength);
      rows.forEach((token, row) => vectors.fill(token + 1, row * embeddingLength, (row + 1) * embeddingLength));
      this.#slots?.end(batch);
      return { rows: rows.length, vectors };
    });
  }

  async copyPage(from: number, to: number): Promise<void> {
    await this.#inTurn(() => {
      this.#pages[to] = [...this.#pages[from]];
      return Promise.resolve();
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #write(sequence: SequenceInput): void {
    const { pageTokens } = this.info;
    for (let i = 0; i < sequence.tokens.length; i++) {
      const position = sequence.startPosition + i;
      this.#pages[sequence.pages[Math.floor(position / pageTokens)]][position % pageTokens] = sequence.tokens[i];
    }
  }

  #history(sequence: SequenceInput, length: number): number[] {
    const { pageTokens } = this.info;
    return Array.from({ length }, (_, position) => {
      const page = sequence.pages[Math.floor(position / pageTokens)];
      const token = this.#pages[page][position % pageTokens];
      if (token === undefined) throw new StarlingError('internal', `position ${position} is read from page ${page}, which was never written there`);
      return token;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => {
      this.#assertOpen();
      return work();
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #assertOpen(): void {
    if (this.#closed) throw new StarlingError('closed', 'The model was closed.');
  }
}

const successor: FakeLogits = (logits, history) => {
  logits.fill(-10);
  logits[(history[history.length - 1] + 1) % logits.length] = 10;
};
