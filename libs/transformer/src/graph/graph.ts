import { assert } from '@starling/core';
import type { TensorInfo } from '@starling/gguf';
import {
  matrixFormatOf,
  type KernelCall,
  type MatrixFormat,
  type Phase,
  type Placed,
  type StepCount,
  type Task,
} from '@starling/kernels';
import type { KvFormat } from '@starling/kernels/internal';
import type { AdapterSet } from '../adapters/adapter-set.js';
import type { Observation } from './observation.js';
import { Place, RangeHome } from './placement.js';
import { floatRowBytes, RowBuffer, wholeRows, type RowKind, type Rows } from './rows.js';
import { StepBlock } from './step-block.js';
import type { AdapterMatrices, MadeRows, MatrixWeight, VectorWeight } from './weights.js';

/** What the graph of a model depends on besides the model. */
export interface GraphOptions {
  readonly contextLength: number;
  readonly maxBatchTokens: number;
  readonly maxSequences: number;
  readonly pageTokens: number;
  readonly kvFormat: KvFormat;
  readonly threads: number;
  /** False: attention sees the whole input. */
  readonly causal: boolean;
  /** How a tensor's weights are kept; `precise`: products should lose no more than rounding to f32 does, where that costs little. */
  readonly formatOf: (tensor: TensorInfo, precise: boolean) => MatrixFormat;
  readonly adapters?: AdapterSet;
  /** Owners of pages that nobody sees beyond a window: they are among pages of their own, see `windowedOwners`. Default: none. */
  readonly windowed?: ReadonlySet<object>;
  /** Whether the model tells the tokens of two texts apart. Default false. */
  readonly hasTypes?: boolean;
  /** Whether the squares of what enters each matrix are summed. Default false. */
  readonly observed?: boolean;
}

/** A phase, and what else is known of it. */
export interface GraphPhase extends Phase {
  readonly home: RangeHome;
  readonly tasks: Task[];
}

/** Where the residual stream may have to cross over to another memory. */
export interface Seam {
  readonly from: RangeHome;
  readonly to: RangeHome;
  readonly rows: Rows;
}

export type GraphItem =
  | { readonly kind: 'phase'; readonly phase: GraphPhase }
  | { readonly kind: 'seam'; readonly seam: Seam };

/** Pages of one layer. */
export interface KvRegion {
  readonly home: RangeHome;
  readonly pageBytes: number;
  /** It has as many pages as windows need, which `step` gets as `windowPages`. */
  readonly isWindowed: boolean;
  readonly place: Place;
}

/** Recurrent state of one layer: `slotBytes` for each slot. */
export interface StateRegion {
  readonly home: RangeHome;
  readonly slotBytes: number;
  readonly place: Place;
}

/** Program sections: the layers, then either logits or hidden states; what an encoder does before all of it. */
export type Section = 'encoder' | 'body' | 'head' | 'hidden';

/**
 * Records what a step does, as phases of tasks, together with the weights, buffers and pages it needs; addresses are set later.
 *
 * Work that goes row by row is collected in a chain, so that neighbouring operations share one task and one barrier; it becomes a phase
 * as soon as something else follows.
 */
export class Graph {
  readonly step: StepBlock;
  readonly matrices: MatrixWeight[] = [];
  readonly vectors: VectorWeight[] = [];
  /** The file's tensors that something here is made from. */
  readonly tensors = new Set<TensorInfo>();
  readonly kvRegions: KvRegion[] = [];
  readonly stateRegions: StateRegion[] = [];
  readonly buffers = new Map<string, RowBuffer>();
  readonly tables = new Map<string, { readonly place: Place; readonly bytes: number }>();
  readonly sections: Record<Section, GraphItem[]> = { encoder: [], body: [], head: [], hidden: [] };
  /** Tasks that each memory runs beside its first phase, for tables that its layers need. Called once the homes have their memories. */
  readonly prologues: { readonly home: RangeHome; readonly key: string; readonly task: () => Task }[] = [];
  /** Where what enters matrices is summed, if it is. */
  readonly observations: Observation[] = [];
  /** All homes, in the order of the residual stream. */
  readonly homes: RangeHome[] = [];
  /** Rows of all tokens that later layers read beside the residual stream, by name. */
  readonly kept = new Map<string, Rows>();
  /** The memory that what is recorded now belongs to. */
  home: RangeHome;
  /** Bytes of scratch that the hungriest kernel needs for each worker. */
  scratchBytes = 0;
  /** Tokens that a tile of attention may have. */
  tileTokens = Infinity;
  #section: Section = 'body';
  #chain: { readonly per: StepCount; readonly calls: KernelCall[] } | undefined;
  readonly #matricesByTensor = new Map<TensorInfo, MatrixWeight>();
  readonly #vectorsByTensor = new Map<string, Placed>();
  readonly #beside = new Map<TensorInfo, AdapterMatrices | undefined>();
  readonly #regionsByOwner = new Map<object, KvRegion>();

  constructor(readonly options: GraphOptions) {
    this.step = new StepBlock({
      ...options,
      hasWindowPages: (options.windowed?.size ?? 0) > 0,
      adapterCount: options.adapters?.adapters.length,
    });
    this.home = this.newHome('embedding');
  }

  /** A range of its own, at the end of those there are. */
  newHome(label: string): RangeHome {
    const home = new RangeHome(label);
    this.homes.push(home);
    return home;
  }

  /** Starts another section. */
  begin(section: Section): void {
    this.#closeChain();
    this.#section = section;
  }

  /** Goes on in another home; `rows` cross over if it is in another memory. */
  moveTo(home: RangeHome, ...all: readonly Rows[]): void {
    this.#closeChain();
    for (const rows of all)
      this.sections[this.#section].push({ kind: 'seam', seam: { from: this.home, to: home, rows } });
    this.home = home;
  }

  /** A buffer of floats, shared by all that ask for it by the same name. */
  rows(name: string, columns: number, kind: RowKind = 'tokens'): Rows {
    return wholeRows(this.buffer(name, kind, floatRowBytes(columns)), columns);
  }

  /** A buffer by bytes. */
  buffer(name: string, kind: RowKind, rowBytes: number): RowBuffer {
    const key = `${name}/${kind}/${rowBytes}`;
    let buffer = this.buffers.get(key);
    if (!buffer) this.buffers.set(key, (buffer = new RowBuffer(name, kind, rowBytes)));
    return buffer;
  }

  /** Bytes that each memory has once, whatever the step. */
  table(name: string, bytes: number): Placed {
    const key = `${name}/${bytes}`;
    let place = this.tables.get(key)?.place;
    if (!place) this.tables.set(key, { place: (place = new Place(name)), bytes });
    return place;
  }

  /** The matrix in a tensor. A tensor used twice is kept once, where it was used first. */
  matrix(tensor: TensorInfo, rows: number, columns: number, { count = 1, precise = false } = {}): MatrixWeight {
    const format = this.options.formatOf(tensor, precise);
    const known = this.#matricesByTensor.get(tensor);
    if (known) return known;
    const weight = this.#newMatrix(tensor.name, tensor, format, { rows, columns, count });
    this.tensors.add(tensor);
    this.#matricesByTensor.set(tensor, weight);
    return weight;
  }

  /** A matrix whose rows are put together at load. */
  madeMatrix(label: string, source: MadeRows, rows: number, columns: number, count: number): MatrixWeight {
    return this.#newMatrix(label, source, matrixFormatOf(source.type), { rows, columns, count });
  }

  #newMatrix(
    label: string,
    source: MatrixWeight['source'],
    format: MatrixFormat,
    { rows, columns, count }: Pick<MatrixWeight, 'rows' | 'columns' | 'count'>,
  ): MatrixWeight {
    const weight = {
      label,
      source,
      format,
      rows,
      columns,
      count,
      bytes: count * format.bytes(rows, columns),
      home: this.home,
      place: new Place(label),
    };
    this.matrices.push(weight);
    return weight;
  }

  /** What adapters have beside a tensor, made when it is first asked for. */
  besideOnce(tensor: TensorInfo, make: () => AdapterMatrices | undefined): AdapterMatrices | undefined {
    if (!this.#beside.has(tensor)) this.#beside.set(tensor, make());
    return this.#beside.get(tensor);
  }

  /** Values in this home as floats (or doubles, for a Float64Array, or words, for an Int32Array). */
  vector(label: string, source: VectorWeight['source'], bytes: number): Placed {
    const place = new Place(label);
    if (!ArrayBuffer.isView(source) && !('read' in source))
      this.tensors.add('derive' in source ? source.tensor : source);
    this.vectors.push({ label, source, bytes, home: this.home, place });
    return place;
  }

  /** A tensor of floats, kept once in each home. */
  tensor(tensor: TensorInfo): Placed {
    const key = `${this.homes.indexOf(this.home)} ${tensor.name}`;
    const known = this.#vectorsByTensor.get(key);
    if (known) return known;
    const place = this.vector(tensor.name, tensor, 4 * tensor.rowLength * tensor.rowCount);
    this.#vectorsByTensor.set(key, place);
    return place;
  }

  /** Pages of a layer. @param owner by what other layers find them */
  pages(pageBytes: number, owner?: object): KvRegion {
    const region = {
      home: this.home,
      pageBytes,
      isWindowed: owner !== undefined && this.options.windowed?.has(owner) === true,
      place: new Place('pages'),
    };
    this.kvRegions.push(region);
    if (owner) this.#regionsByOwner.set(owner, region);
    return region;
  }

  /** The pages of an earlier layer. */
  pagesOf(owner: object): KvRegion {
    const region = this.#regionsByOwner.get(owner);
    assert(region !== undefined, 'a layer that shares its pages comes first');
    return region;
  }

  /** Recurrent state of a layer. */
  state(slotBytes: number): Placed {
    const place = new Place('state');
    this.stateRegions.push({ home: this.home, slotBytes, place });
    return place;
  }

  /** Operations on rows, one after another for each row. */
  perRow(kind: RowKind, ...calls: KernelCall[]): void {
    if (calls.length === 0) return;
    const per = countOf(kind);
    if (this.#chain && this.#chain.per !== per) this.#closeChain();
    this.#chain ??= { per, calls: [] };
    this.#chain.calls.push(...calls);
  }

  /** Tasks that do not depend on each other. */
  parallel(...tasks: Task[]): void {
    const some = tasks.filter(({ calls }) => calls.length > 0);
    if (some.length === 0) return;
    this.#closeChain();
    this.#push(some);
  }

  /** A task that a memory has to run before its layers, once for each key. */
  prologue(key: string, task: () => Task): void {
    const known = this.prologues.some((entry) => entry.home === this.home && entry.key === key);
    if (!known) this.prologues.push({ home: this.home, key, task });
  }

  /** Ends the recording. */
  finish(): void {
    this.#closeChain();
  }

  needScratch(bytes: number): void {
    this.scratchBytes = Math.max(this.scratchBytes, bytes);
  }

  #closeChain(): void {
    const chain = this.#chain;
    this.#chain = undefined;
    if (chain) this.#push([{ per: chain.per, factor: 1, chunk: 1, calls: chain.calls }]);
  }

  #push(tasks: Task[]): void {
    this.sections[this.#section].push({ kind: 'phase', phase: { home: this.home, tasks } });
  }
}

/** The step's count of rows of a kind. */
export const countOf = (kind: RowKind): StepCount => kind;
