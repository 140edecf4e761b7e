import { StarlingError } from '@starling/core';
import type { ComputeMemory, ComputeTeam } from '@starling/kernels';
import type { KvRegion } from '../graph/graph.js';
import type { ModelRows } from '../graph/layers.js';
import type { ModelLayout, ProgramName } from '../graph/layout.js';
import type { Rows } from '../graph/rows.js';
import { checkBatch } from './batch-limits.js';
import type { EmbeddingOutput, ModelInfo, ModelRuntime, Pooling, SequenceInput, StepOutput } from './model-runtime.js';
import { poolRows } from './pooling.js';
import type { RankHead } from './rank-head.js';
import { SlotPositions } from './slot-positions.js';
import type { StepCounts, StepWriter } from './step-writer.js';

/** A model whose weights are in place. */
export interface LoadedModel {
  readonly info: ModelInfo;
  readonly team: ComputeTeam;
  readonly memories: readonly ComputeMemory[];
  readonly layout: ModelLayout;
  readonly rows: ModelRows;
  readonly headRows: number;
  readonly kvRegions: readonly KvRegion[];
  readonly rankHead?: RankHead;
  readonly writer: StepWriter;
}

const outputsAsAsked = (sequence: SequenceInput): SequenceInput['outputs'] => sequence.outputs;
const outputsOfAll = (): 'all' => 'all';

/** Tokens of the prompt that kernels are warmed up with. */
const warmUpTokens = 16;

/** Runs steps on a compute team. */
export class TransformerRuntime implements ModelRuntime {
  readonly info: ModelInfo;
  /** Undefined once it is closed, so that nothing here keeps its memories. */
  #loaded: LoadedModel | undefined;
  /** Results by number of rows: views of the logits' memory, made once each. */
  readonly #outputs: StepOutput[] = [];
  /** For models with a recurrent state. */
  readonly #slots: SlotPositions | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(model: LoadedModel) {
    this.info = model.info;
    this.#loaded = model;
    this.#slots = model.info.hasRecurrentState ? new SlotPositions(model.info.maxSequences) : undefined;
  }

  /** How often workers had to be started anew, as events. */
  get restarts(): ComputeTeam['restarts'] {
    return this.#model.team.restarts;
  }

  step(batch: readonly SequenceInput[]): Promise<StepOutput> {
    return this.#inTurn(() => this.#step(batch));
  }

  embed(batch: readonly SequenceInput[], options: { pooling?: Pooling } = {}): Promise<EmbeddingOutput> {
    return this.#inTurn(() => this.#embed(batch, options.pooling ?? this.info.pooling ?? 'none'));
  }

  copyPage(from: number, to: number): Promise<void> {
    return this.#inTurn(() => {
      for (const { home, place, pageBytes } of this.#model.kvRegions) {
        const start = place.address + from * pageBytes;
        this.#model.memories[home.index].bytes.copyWithin(place.address + to * pageBytes, start, start + pageBytes);
      }
      return Promise.resolve();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const team = this.#loaded?.team;
    this.#loaded = undefined;
    this.#outputs.length = 0;
    await team?.close();
  }

  get #model(): LoadedModel {
    if (!this.#loaded) throw new StarlingError('closed', 'The model was closed.');
    return this.#loaded;
  }

  /**
   * Runs a short prompt and a single token that nobody asked for, so that the engine has optimized the kernels before the first request.
   * Leaves meaningless keys in the first pages.
   */
  async warmUp(): Promise<void> {
    const { maxBatchTokens, contextLength, pageTokens, pageCount, hasLogits } = this.info;
    const pages = Int32Array.from({ length: Math.min(pageCount, Math.ceil(warmUpTokens / pageTokens)) }, (_, page) => page);
    const { writer } = this.#model;
    for (const count of [Math.min(warmUpTokens, maxBatchTokens, contextLength, pages.length * pageTokens), 1]) {
      const counts = writer.write([{ tokens: new Uint32Array(count), startPosition: 0, pages, slot: 0, outputs: 'last' }], outputsAsAsked);
      writer.setHead(0, 1);
      await this.#run(hasLogits ? 'forward' : 'body', counts, hasLogits ? 1 : 0);
    }
  }

  async #step(batch: readonly SequenceInput[]): Promise<StepOutput> {
    const { info } = this;
    if (!info.hasLogits) throw new StarlingError('invalid_argument', `The model (${info.architecture}) gives embeddings, not logits.`);
    checkBatch(batch, info);
    this.#slots?.begin(batch);
    const { headRows, writer } = this.#model;
    const counts = writer.write(batch, outputsAsAsked);
    const { outputs } = counts;
    if (outputs <= headRows) {
      writer.setHead(0, outputs);
      await this.#run('forward', counts, outputs);
      this.#slots?.end(batch);
      return this.#output(outputs);
    }
    await this.#run('body', counts, 0);
    this.#slots?.end(batch);
    const logits = new Float32Array(outputs * info.vocabSize);
    for (let first = 0; first < outputs; first += headRows) {
      const count = Math.min(headRows, outputs - first);
      writer.setHead(first, count);
      await this.#run('head', counts, count);
      this.#copyRows(this.#model.rows.logits!, this.#model.rows.home.index, count, info.vocabSize, logits, first * info.vocabSize);
    }
    return { rows: outputs, logits };
  }

  async #embed(batch: readonly SequenceInput[], pooling: Pooling): Promise<EmbeddingOutput> {
    const { info } = this;
    checkBatch(batch, info);
    this.#slots?.begin(batch);
    const counts = this.#model.writer.write(batch, outputsOfAll);
    const { tokens } = counts;
    await this.#run('body', counts, 0);
    this.#slots?.end(batch);
    await this.#run('hidden', counts, 0);
    const width = info.embeddingLength;
    const hidden = new Float32Array(tokens * width);
    this.#copyRows(this.#model.rows.hidden, this.#model.rows.home.index, tokens, width, hidden, 0);
    return poolRows(hidden, width, batch.map(({ tokens: { length } }) => length), pooling, this.#model.rankHead);
  }

  async #run(program: ProgramName, counts: StepCounts, head: number): Promise<void> {
    const { team, layout } = this.#model;
    team.setCount('tokens', counts.tokens);
    team.setCount('outputs', counts.outputs);
    team.setCount('tiles', counts.tiles);
    team.setCount('sequences', counts.sequences);
    team.setCount('head', head);
    await team.run(layout.programs[program].structure);
  }

  #output(rows: number): StepOutput {
    return (this.#outputs[rows] ??= this.#makeOutput(rows));
  }

  #makeOutput(rows: number): StepOutput {
    const { rows: modelRows, memories } = this.#model;
    const at = modelRows.logits!.at.address;
    return { rows, logits: new Float32Array(memories[modelRows.home.index].memory.buffer, at, rows * this.info.vocabSize) };
  }

  #copyRows(from: Rows, home: number, rows: number, columns: number, to: Float32Array, at: number): void {
    const { floats } = this.#model.memories[home];
    for (let row = 0; row < rows; row++) {
      const start = (from.at.address + row * from.stride) >>> 2;
      to.set(floats.subarray(start, start + columns), at + row * columns);
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => {
      if (this.#closed) throw new StarlingError('closed', 'The model was closed.');
      return work();
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
