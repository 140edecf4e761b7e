import { StarlingError } from '@starling/core';
import type { SequenceInput, StepOutput } from '@starling/scheduler';
import { checkBatch, textsFor } from './batch-limits.js';
import type { EmbeddingOutput, ModelInfo, ModelRuntime, Pooling, TextPooler } from './model-runtime.js';
import { RowPooler, joinOutputs } from './pooling.js';
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

const defaultInfo: Omit<ModelInfo, 'totalBytes'> = {
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
  kernelBuild: 'none',
  weightBytes: 0,
  kvBytes: 256 * 64,
  scratchBytes: 0,
  memoryCount: 1,
  quantization: 'F32',
  conversions: [],
  unused: [],
  hasRecurrentState: false,
  causal: true,
  ranks: false,
  hasLogits: true,
  adapters: [],
};

/**
 * A model without weights, for tests of the layers above: it remembers the tokens that were written to each page, and
 * computes logits from what a sequence's pages hold. So a wrong page table, a position that was skipped, or a page that
 * was given away too early gives wrong tokens or an error here as it would with a real model. With `hasRecurrentState` it refuses steps that
 * break the rules for slots, too.
 */
export class FakeModelRuntime implements ModelRuntime {
  readonly info: ModelInfo;
  readonly pageBytes: number;
  readonly stateBytes: number;
  /** Batches that were run, newest last. */
  readonly steps: { readonly tokens: number; readonly sequences: number }[] = [];
  readonly #logits: FakeLogits;
  /** For models with a recurrent state. */
  readonly #slots: SlotPositions | undefined;
  readonly #onStep: NonNullable<FakeModelOptions['onStep']>;
  /** (pageCount, pageTokens): the token whose keys would lie there, undefined if none was written. */
  readonly #pages: (number | undefined)[][];
  /** What stands for the state of each slot: a digest of the tokens that it has seen. */
  readonly #states: number[];
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: FakeModelOptions = {}) {
    const info = { ...defaultInfo, ...options.info };
    this.info = { totalBytes: info.weightBytes + info.kvBytes + info.scratchBytes, ...info };
    this.#logits = options.logits ?? successor;
    this.pageBytes = this.info.pageTokens * 4;
    this.stateBytes = this.info.hasRecurrentState ? 4 : 0;
    this.#states = new Array<number>(this.info.maxSequences).fill(0);
    this.#slots = this.info.hasRecurrentState ? new SlotPositions(this.info.maxSequences) : undefined;
    this.#onStep = options.onStep ?? (() => undefined);
    this.#pages = Array.from({ length: this.info.pageCount }, () =>
      new Array<number | undefined>(this.info.pageTokens).fill(undefined),
    );
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
        this.#checkState(sequence);
        this.#write(sequence);
        if (this.#slots)
          this.#states[sequence.slot] = digestOf(
            this.#history(sequence, sequence.startPosition + sequence.tokens.length),
          );
        const count = sequence.tokens.length;
        const first = sequence.outputs === 'all' ? 0 : sequence.outputs === 'last' ? count - 1 : count;
        for (let i = first; i < count; i++, row++) {
          this.#logits(
            logits.subarray(row * vocabSize, (row + 1) * vocabSize),
            this.#history(sequence, sequence.startPosition + i + 1),
          );
        }
      }
      this.#slots?.end(batch);
      return { rows: size.outputRows, logits };
    });
  }

  /** A token's row is full of the token after it. */
  hidden(batch: readonly SequenceInput[]): Promise<EmbeddingOutput> {
    return this.#inTurn(async () => {
      const size = checkBatch(textsFor(this.info, batch), this.info);
      this.#slots?.begin(batch);
      await this.#onStep(batch);
      this.#assertOpen();
      this.steps.push({ tokens: size.tokens, sequences: batch.length });
      const rows: number[] = [];
      for (const sequence of batch) {
        this.#checkState(sequence);
        this.#write(sequence);
        const history = this.#history(sequence, sequence.startPosition + sequence.tokens.length);
        if (this.#slots) this.#states[sequence.slot] = digestOf(history);
        if (sequence.outputs !== 'none')
          rows.push(...Array.from(sequence.tokens).slice(sequence.outputs === 'last' ? -1 : 0));
      }
      this.#slots?.end(batch);
      const { embeddingLength } = this.info;
      return {
        rows: rows.length,
        vectors: Float32Array.from(
          { length: rows.length * embeddingLength },
          (_, i) => rows[Math.floor(i / embeddingLength)] + 1,
        ),
      };
    });
  }

  pooler(pooling: Pooling): TextPooler {
    return new RowPooler(
      { width: this.info.embeddingLength, head: { row: 'last', activation: 'tanh', softmax: false } },
      pooling,
    );
  }

  async embed(batch: readonly SequenceInput[], options: { pooling?: Pooling } = {}): Promise<EmbeddingOutput> {
    const { vectors } = await this.hidden(batch.map((text) => ({ ...text, outputs: 'all' })));
    let at = 0;
    return joinOutputs(
      batch.map(({ tokens }) => {
        const pooler = this.pooler(options.pooling ?? this.info.pooling ?? 'none');
        pooler.add(vectors.subarray(at, (at += tokens.length * this.info.embeddingLength)));
        return pooler.output();
      }),
    );
  }

  async copyPage(from: number, to: number): Promise<void> {
    await this.#inTurn(() => {
      this.#pages[to] = [...this.#pages[from]];
      return Promise.resolve();
    });
  }

  async readPage(page: number, into: Uint8Array): Promise<void> {
    await this.#inTurn(() => {
      const words = Int32Array.from({ length: this.info.pageTokens }, (_, i) => (this.#pages[page][i] ?? -1) + 1);
      into.set(new Uint8Array(words.buffer));
      return Promise.resolve();
    });
  }

  async writePage(page: number, from: Uint8Array): Promise<void> {
    await this.#inTurn(() => {
      const words = new Int32Array(from.slice().buffer);
      this.#pages[page] = Array.from(words, (word) => (word === 0 ? undefined : word - 1));
      return Promise.resolve();
    });
  }

  saveState(slot: number, into: Uint8Array): Promise<number> {
    return this.#inTurn(() => {
      const position = this.#slots?.positionOf(slot) ?? 0;
      into.set(new Uint8Array(Int32Array.of(this.#states[slot]).buffer));
      return Promise.resolve(position);
    });
  }

  async loadState(slot: number, from: Uint8Array, position: number): Promise<void> {
    await this.#inTurn(() => {
      this.#states[slot] = new Int32Array(from.slice().buffer)[0];
      this.#slots?.set(slot, position);
      return Promise.resolve();
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  /** The slot's state has seen what the pages hold. */
  #checkState(sequence: SequenceInput): void {
    if (!this.#slots || sequence.startPosition === 0) return;
    if (this.#states[sequence.slot] !== digestOf(this.#history(sequence, sequence.startPosition)))
      throw new StarlingError(
        'internal',
        `the state of slot ${sequence.slot} has seen other tokens than the pages hold`,
      );
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
      if (token === undefined)
        throw new StarlingError(
          'internal',
          `position ${position} is read from page ${page}, which was never written there`,
        );
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

/** A digest of 32 bits. */
function digestOf(tokens: readonly number[]): number {
  return tokens.reduce((digest, token) => Math.imul(digest ^ token, 0x01000193) + 1, 0x811c9dc5 | 0) | 0;
}

const successor: FakeLogits = (logits, history) => {
  logits.fill(-10);
  logits[(history[history.length - 1] + 1) % logits.length] = 10;
};
