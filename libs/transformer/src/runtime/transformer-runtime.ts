import { StarlingError } from '@starling/core';
import type { ComputeMemory, ComputeTeam } from '@starling/kernels';
import type { SequenceInput, StepOutput } from '@starling/scheduler';
import type { KvRegion, StateRegion } from '../graph/graph.js';
import type { EncodedRows } from '../graph/encoder.js';
import type { ModelRows } from '../graph/layers.js';
import type { ModelLayout, ProgramName } from '../graph/layout.js';
import type { Observation } from '../graph/observation.js';
import type { Rows } from '../graph/rows.js';
import { checkBatch, embeddingLimit, textsFor } from './batch-limits.js';
import type { InputSums } from './input-sums.js';
import type { EmbeddingOutput, ModelInfo, ModelRuntime, Pooling, TextPooler } from './model-runtime.js';
import { RowPooler, joinOutputs } from './pooling.js';
import type { PlainLinear, RankHead } from './rank-head.js';
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
  readonly stateRegions: readonly StateRegion[];
  readonly rankHead?: RankHead;
  /** What pooled vectors go through. */
  readonly poolMaps: readonly PlainLinear[];
  readonly writer: StepWriter;
  /** Who gets what entered the matrices, and where it is. */
  readonly observed?: { readonly sums: InputSums; readonly at: readonly Observation[] };
}

const outputsAsAsked = (sequence: SequenceInput): SequenceInput['outputs'] => sequence.outputs;
const outputsOfNone = (): 'none' => 'none';

/** Of a step of a model with an encoder: what this reads, and what is left for the decoder. */
function partsOf(batch: readonly SequenceInput[]): {
  readonly read: readonly SequenceInput[];
  readonly written: readonly SequenceInput[];
} {
  const read = batch.filter(({ startPosition, encoderTokens }) => encoderTokens !== undefined && startPosition === 0);
  if (read.length === 0) return { read, written: batch };
  const cut = (sequence: SequenceInput, from: number, to?: number): SequenceInput => ({
    ...sequence,
    tokens: Array.from(sequence.tokens).slice(from, to),
    startPosition: sequence.startPosition + from,
  });
  const written = batch
    .map((sequence) => (sequence.startPosition === 0 ? cut(sequence, sequence.encoderTokens ?? 0) : sequence))
    .filter(({ tokens }) => tokens.length > 0);
  return { read: read.map((sequence) => cut(sequence, 0, sequence.encoderTokens)), written };
}

/** Texts one after another, in parts that a step holds; each with the number of its text. */
function* partsOfTexts(
  texts: readonly SequenceInput[],
  maxTokens: number,
): Generator<readonly [text: number, part: SequenceInput]> {
  for (const [text, whole] of texts.entries()) {
    const tokens = Array.from(whole.tokens);
    for (let first = 0; first < tokens.length; first += maxTokens) {
      yield [
        text,
        {
          ...whole,
          tokens: tokens.slice(first, first + maxTokens),
          startPosition: whole.startPosition + first,
          secondFrom: undefined,
          outputs: 'all',
        },
      ];
    }
  }
}

/** Tokens of the prompt that kernels are warmed up with. */
const warmUpTokens = 16;

/** Runs steps on a compute team. */
export class TransformerRuntime implements ModelRuntime {
  readonly info: ModelInfo;
  readonly pageBytes: number;
  readonly windowPageBytes: number;
  readonly stateBytes: number;
  /** Undefined once it is closed, so that nothing here keeps its memories. */
  #loaded: LoadedModel | undefined;
  /** Results by number of rows: views of the logits' memory, made once each. */
  readonly #outputs: StepOutput[] = [];
  /** For models with a recurrent state. */
  readonly #slots: SlotPositions | undefined;
  /** Rows of the last step whose logits were made at once, so that what they were made of is still there. */
  #hiddenRows = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #waitedMs = 0;
  #closed = false;

  constructor(model: LoadedModel) {
    this.info = model.info;
    this.#loaded = model;
    this.pageBytes = model.info.pageBytes;
    this.windowPageBytes = model.info.windowed?.pageBytes ?? 0;
    this.stateBytes = model.stateRegions.reduce((sum, { slotBytes }) => sum + slotBytes, 0);
    this.#slots = model.info.hasRecurrentState ? new SlotPositions(model.info.maxSequences) : undefined;
  }

  /** How often workers had to be started anew, as events. */
  get restarts(): ComputeTeam['restarts'] {
    return this.#model.team.restarts;
  }

  step(batch: readonly SequenceInput[]): Promise<StepOutput> {
    return this.#inTurn(() => this.#step(batch));
  }

  hidden(batch: readonly SequenceInput[]): Promise<EmbeddingOutput> {
    return this.#inTurn(() => this.#hidden(batch));
  }

  pooler(pooling: Pooling): TextPooler {
    const { rankHead, poolMaps } = this.#model;
    return new RowPooler({ width: this.info.embeddingLength, head: rankHead, maps: poolMaps }, pooling);
  }

  embed(batch: readonly SequenceInput[], options: { pooling?: Pooling } = {}): Promise<EmbeddingOutput> {
    return this.#inTurn(() => this.#embed(batch, options.pooling ?? this.info.pooling ?? 'none'));
  }

  copyPage(from: number, to: number): Promise<void> {
    return this.#inTurn(() => {
      const { pageCount } = this.info;
      const isWindowed = from >= pageCount;
      if (isWindowed !== to >= pageCount)
        throw new StarlingError('invalid_argument', `Page ${from} is copied to page ${to}, which is of other layers.`);
      const first = isWindowed ? pageCount : 0;
      for (const { home, place, pageBytes } of this.#regionsOf(from)) {
        const start = place.address + (from - first) * pageBytes;
        this.#model.memories[home.index].bytes.copyWithin(
          place.address + (to - first) * pageBytes,
          start,
          start + pageBytes,
        );
      }
      return Promise.resolve();
    });
  }

  /** Layer after layer, in the order of the file. */
  readPage(page: number, into: Uint8Array): Promise<void> {
    return this.#inTurn(() => {
      this.#eachPageOf(page, into, (stored, part) => part.set(stored));
      return Promise.resolve();
    });
  }

  writePage(page: number, from: Uint8Array): Promise<void> {
    return this.#inTurn(() => {
      this.#eachPageOf(page, from, (stored, part) => stored.set(part));
      return Promise.resolve();
    });
  }

  saveState(slot: number, into: Uint8Array): Promise<number> {
    return this.#inTurn(() => {
      const position = this.#slots?.positionOf(slot) ?? 0;
      this.#eachPart(
        this.#model.stateRegions.map(({ slotBytes, ...at }) => ({ ...at, bytes: slotBytes })),
        slot,
        into,
        (stored, part) => part.set(stored),
      );
      return Promise.resolve(position);
    });
  }

  loadState(slot: number, from: Uint8Array, position: number): Promise<void> {
    return this.#inTurn(() => {
      this.#eachPart(
        this.#model.stateRegions.map(({ slotBytes, ...at }) => ({ ...at, bytes: slotBytes })),
        slot,
        from,
        (stored, part) => stored.set(part),
      );
      this.#slots?.set(slot, position);
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
    const { maxBatchTokens, contextLength, pageTokens, pageCount, hasLogits, decoderStart } = this.info;
    const pages = Int32Array.from(
      { length: Math.min(pageCount, Math.ceil(warmUpTokens / pageTokens)) },
      (_, page) => page,
    );
    const windowPages = this.info.windowed && pages;
    const { writer } = this.#model;
    const longest = Math.min(warmUpTokens, maxBatchTokens, contextLength, pages.length * pageTokens);
    if (decoderStart !== undefined) {
      // What is read, and one token to begin with.
      if (longest > 1)
        await this.#step([
          {
            tokens: new Uint32Array(longest),
            startPosition: 0,
            pages,
            slot: 0,
            outputs: 'last',
            encoderTokens: longest - 1,
          },
        ]);
      return;
    }
    for (const count of [longest, 1]) {
      const counts = writer.write(
        [{ tokens: new Uint32Array(count), startPosition: 0, pages, windowPages, slot: 0, outputs: 'last' }],
        outputsAsAsked,
      );
      writer.setHead(0, 1);
      await this.#run(hasLogits ? 'forward' : 'body', counts, hasLogits ? 1 : 0);
    }
  }

  /** The layers of a page: windowed ones, if those have pages of their own, for ids from `pageCount` on. */
  #regionsOf(page: number): KvRegion[] {
    return this.#model.kvRegions.filter(({ isWindowed }) => isWindowed === page >= this.info.pageCount);
  }

  #eachPageOf(page: number, whole: Uint8Array, visit: (stored: Uint8Array, part: Uint8Array) => void): void {
    const regions = this.#regionsOf(page).map(({ pageBytes, ...at }) => ({ ...at, bytes: pageBytes }));
    this.#eachPart(regions, page >= this.info.pageCount ? page - this.info.pageCount : page, whole, visit);
  }

  /** Visits one page or state, layer by layer, beside its part of `whole`. */
  #eachPart(
    regions: readonly (Pick<KvRegion, 'home' | 'place'> & { readonly bytes: number })[],
    index: number,
    whole: Uint8Array,
    visit: (stored: Uint8Array, part: Uint8Array) => void,
  ): void {
    const length = regions.reduce((sum, { bytes }) => sum + bytes, 0);
    if (whole.length !== length)
      throw new StarlingError(
        'invalid_argument',
        `A buffer of ${whole.length} bytes was given, where ${length} are expected.`,
      );
    let at = 0;
    for (const { home, place, bytes } of regions) {
      const start = place.address + index * bytes;
      visit(this.#model.memories[home.index].bytes.subarray(start, start + bytes), whole.subarray(at, at + bytes));
      at += bytes;
    }
  }

  async #step(batch: readonly SequenceInput[]): Promise<StepOutput> {
    const { info } = this;
    if (!info.hasLogits)
      throw new StarlingError('invalid_argument', `The model (${info.architecture}) gives embeddings, not logits.`);
    checkBatch(batch, info);
    this.#slots?.begin(batch);
    const { headRows, writer } = this.#model;
    const written = info.decoderStart === undefined ? batch : await this.#read(batch);
    if (written.length === 0) return this.#output(0);
    const counts = writer.write(written, outputsAsAsked);
    this.#writeHidden(written);
    const { outputs } = counts;
    this.#hiddenRows = outputs <= headRows ? outputs : 0;
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
      this.#copyRows(
        this.#model.rows.logits!,
        this.#model.rows.home.index,
        count,
        info.vocabSize,
        logits,
        first * info.vocabSize,
      );
    }
    return { rows: outputs, logits };
  }

  hiddenOf(row: number): Float32Array | undefined {
    const { rows, memories } = this.#model;
    if (rows.headInput === undefined || row >= this.#hiddenRows) return undefined;
    const start = (rows.headInput.at.address + row * rows.headInput.stride) >>> 2;
    return memories[rows.home.index].floats.subarray(start, start + this.info.embeddingLength);
  }

  /** Of a head that reads hidden states: those that come with the tokens. */
  #writeHidden(batch: readonly SequenceInput[]): void {
    const { rows, memories } = this.#model;
    if (rows.hiddenInput === undefined) return;
    const { rows: into, home } = rows.hiddenInput;
    const { floats } = memories[home.index];
    let at = into.at.address >>> 2;
    for (const { tokens, hidden } of batch) {
      if (hidden?.length !== tokens.length)
        throw new StarlingError(
          'invalid_argument',
          `${tokens.length} tokens were given with ${hidden?.length ?? 0} hidden states, where each has one`,
        );
      for (let i = 0; i < hidden.length; i++, at += into.stride >>> 2) floats.set(hidden[i], at);
    }
  }

  /** Has the encoder read what there is to read. Gives what is left for the decoder. */
  async #read(batch: readonly SequenceInput[]): Promise<readonly SequenceInput[]> {
    const { read, written } = partsOf(batch);
    if (read.length > 0) await this.#run('encoder', this.#model.writer.write(read, outputsOfNone), 0);
    return written;
  }

  async #embed(texts: readonly SequenceInput[], pooling: Pooling): Promise<EmbeddingOutput> {
    const { info } = this;
    checkBatch(textsFor(info, texts), info, embeddingLimit(info));
    const poolers = texts.map(() => this.pooler(pooling));
    if (texts.reduce((sum, { tokens }) => sum + tokens.length, 0) > info.maxBatchTokens) {
      for (const [text, part] of partsOfTexts(texts, info.maxBatchTokens))
        poolers[text].add((await this.#hidden([part])).vectors);
    } else {
      const { vectors } = await this.#hidden(texts.map((text) => ({ ...text, outputs: 'all' })));
      let at = 0;
      for (const [text, { tokens }] of texts.entries())
        poolers[text].add(vectors.subarray(at, (at += tokens.length * info.embeddingLength)));
    }
    return joinOutputs(poolers.map((pooler) => pooler.output()));
  }

  /** Hidden states of the tokens that are asked for: of an encoder's, where there is one before the decoder. */
  async #hidden(texts: readonly SequenceInput[]): Promise<EmbeddingOutput> {
    const { info } = this;
    const batch = textsFor(info, texts);
    checkBatch(batch, info);
    const { writer, rows } = this.#model;
    this.#slots?.begin(batch);
    const counts = writer.write(batch, outputsAsAsked);
    const { outputs } = counts;
    await this.#run(rows.encoded ? 'encoder' : 'body', counts, 0);
    this.#slots?.end(batch);
    if (rows.encoded) return this.#encodedRows(texts, rows.encoded);
    if (outputs > 0) await this.#run('hidden', counts, 0);
    const vectors = new Float32Array(outputs * info.embeddingLength);
    this.#copyRows(rows.hidden, rows.home.index, outputs, info.embeddingLength, vectors, 0);
    return { rows: outputs, vectors };
  }

  /** An encoder has a row for every token. */
  #encodedRows(texts: readonly SequenceInput[], { rows: from, home }: EncodedRows): EmbeddingOutput {
    const width = this.info.embeddingLength;
    const all = new Float32Array(texts.reduce((sum, { tokens }) => sum + tokens.length, 0) * width);
    this.#copyRows(from, home.index, all.length / width, width, all, 0);
    let end = 0;
    const wanted = texts.map(({ tokens, outputs }) => {
      end += tokens.length;
      const count = outputs === 'all' ? tokens.length : outputs === 'last' ? 1 : 0;
      return { rows: count, vectors: all.subarray((end - count) * width, end * width) };
    });
    return joinOutputs(wanted);
  }

  async #run(program: ProgramName, counts: StepCounts, head: number): Promise<void> {
    const { team, layout, observed, memories } = this.#model;
    team.setCount('tokens', counts.tokens);
    team.setCount('outputs', counts.outputs);
    team.setCount('tiles', counts.tiles);
    team.setCount('sequences', counts.sequences);
    team.setCount('head', head);
    team.setCount('adapted', counts.adapted);
    team.setCount('adaptedTokens', counts.adapted * counts.tokens);
    team.setCount('adaptedOutputs', counts.adapted * counts.outputs);
    team.setCount('adaptedHead', counts.adapted * head);
    this.#waitedMs += await team.run(layout.programs[program].structure);
    observed?.sums.collect(observed.at, memories);
  }

  takeWaitedMs(): number {
    const waited = this.#waitedMs;
    this.#waitedMs = 0;
    return waited;
  }

  #output(rows: number): StepOutput {
    return (this.#outputs[rows] ??= this.#makeOutput(rows));
  }

  #makeOutput(rows: number): StepOutput {
    const { rows: modelRows, memories } = this.#model;
    const at = modelRows.logits!.at.address;
    return {
      rows,
      logits: new Float32Array(memories[modelRows.home.index].memory.buffer, at, rows * this.info.vocabSize),
    };
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
    // What a step gave is not held: it would hold the memory of a model that was closed.
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
