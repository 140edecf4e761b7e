import type { TensorInfo } from '@starling/gguf';
import type { KernelCall, KvFormat, MatrixFormat, Phase, Placed, StepCount, Task } from '@starling/kernels';
import { Place, RangeHome } from './placement.js';
import { floatRowBytes, RowBuffer, wholeRows, type RowKind, type Rows } from './rows.js';
import { StepBlock } from './step-block.js';
import type { MatrixWeight, VectorWeight } from './weights.js';

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

export type GraphItem = { readonly kind: 'phase'; readonly phase: GraphPhase } | { readonly kind: 'seam'; readonly seam: Seam };

/** Pages of one layer. */
export interface KvRegion {
  readonly home: RangeHome;
  readonly pageBytes: number;
  readonly place: Place;
}

/** Recurrent state of one layer: `slotBytes` for each slot. */
export interface StateRegion {
  readonly home: RangeHome;
  readonly slotBytes: number;
  readonly place: Place;
}

/** Program sections: the layers, then either logits or hidden states. */
export type Section = 'body' | 'head' | 'hidden';

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
  readonly kvRegions: KvRegion[] = [];
  readonly stateRegions: StateRegion[] = [];
  readonly buffers = new Map<string, RowBuffer>();
  readonly tables = new Map<string, { readonly place: Place; readonly bytes: number }>();
  readonly sections: Record<Section, GraphItem[]> = { body: [], head: [], hidden: [] };
  /** Tasks that each memory runs beside its first phase, for tables that its layers need. Called once the homes have their memories. */
  readonly prologues: { readonly home: RangeHome; readonly key: string; readonly task: () => Task }[] = [];
  /** All homes, in the order of the residual stream. */
  readonly homes: RangeHome[] = [];
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

  constructor(readonly options: GraphOptions) {
    this.step = new StepBlock(options);
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
  moveTo(home: RangeHome, rows: Rows): void {
    this.#closeChain();
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
    const weight = { tensor, format, rows, columns, count, bytes: count * format.bytes(rows, columns), home: this.home, place: new Place(tensor.name) };
    this.matrices.push(weight);
    this.#matricesByTensor.set(tensor, weight);
    return weight;
  }

  /** Values in this home as floats (or doubles, for a Float64Array). */
  vector(label: string, source: VectorWeight['source'], bytes: number): Placed {
    const place = new Place(label);
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

  /** Pages of a layer. */
  pages(pageBytes: number): Placed {
    const place = new Place('pages');
    this.kvRegions.push({ home: this.home, pageBytes, place });
    return place;
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
