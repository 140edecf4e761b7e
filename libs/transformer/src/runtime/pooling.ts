import { StarlingError } from '@starling/core';
import type { EmbeddingOutput, Pooling, TextPooler } from './model-runtime.js';
import { applyLinear, rankScore, type PlainLinear, type RankHead } from './rank-head.js';

export interface PoolingParts {
  /** Of a hidden state. */
  readonly width: number;
  /** Needed for `rank`, which gives one number for each text. */
  readonly head?: RankHead;
  /** What pooled vectors go through, one after another; scores do not. */
  readonly maps?: readonly PlainLinear[];
}

/** How rows become one: all of them, their mean, or one. */
type Way = 'none' | 'mean' | 'first' | 'last';

const WAYS = { none: 'none', mean: 'mean', cls: 'first', last: 'last' } as const;

/** Pools the rows of one text as they come. Sums are kept in doubles and in the order of the rows, so that it is all the same how these are cut. */
export class RowPooler implements TextPooler {
  readonly outputs: 'all' | 'last';
  readonly #parts: PoolingParts;
  readonly #head: RankHead | undefined;
  readonly #way: Way;
  /** Rows that were added. */
  #count = 0;
  /** All rows, for `none`. */
  readonly #rows: Float32Array[] = [];
  /** (width) the row that is wanted. */
  #row = new Float32Array(0);
  /** (width), for `mean`. */
  readonly #sums: Float64Array;

  /** @throws StarlingError `invalid_argument` for `rank` without a head */
  constructor(parts: PoolingParts, pooling: Pooling) {
    this.#parts = parts;
    this.#head = pooling === 'rank' ? headOf(parts) : undefined;
    this.#way = pooling === 'rank' ? this.#head!.row : WAYS[pooling];
    this.outputs = this.#way === 'last' ? 'last' : 'all';
    this.#sums = new Float64Array(this.#way === 'mean' ? parts.width : 0);
  }

  add(hidden: Float32Array): void {
    const { width } = this.#parts;
    const count = hidden.length / width;
    if (count === 0) return;
    if (this.#way === 'none') this.#rows.push(hidden.slice());
    else if (this.#way === 'mean')
      for (let row = 0; row < count; row++)
        for (let column = 0; column < width; column++) this.#sums[column] += hidden[row * width + column];
    else if (this.#way === 'last') this.#row = hidden.slice((count - 1) * width);
    else if (this.#count === 0) this.#row = hidden.slice(0, width);
    this.#count += count;
  }

  output(): EmbeddingOutput {
    const { width, maps = [] } = this.#parts;
    if (this.#count === 0) throw new StarlingError('invalid_argument', 'There is no row to be pooled.');
    if (this.#way === 'none')
      return mapVectors({ rows: this.#count, vectors: joined(this.#rows, this.#count * width) }, maps);
    const row = this.#way === 'mean' ? Float32Array.from(this.#sums, (sum) => sum / this.#count) : this.#row;
    return this.#head
      ? { rows: 1, vectors: Float32Array.of(rankScore(this.#head, row)) }
      : mapVectors({ rows: 1, vectors: row }, maps);
  }
}

function headOf({ head }: PoolingParts): RankHead {
  if (!head)
    throw new StarlingError(
      'invalid_argument',
      "Pooling 'rank' needs a model with a reranking head, and this one has none.",
    );
  return head;
}

/** Outputs one after another. */
export function joinOutputs(outputs: readonly EmbeddingOutput[]): EmbeddingOutput {
  const vectors = outputs.map((output) => output.vectors);
  return {
    rows: outputs.reduce((sum, { rows }) => sum + rows, 0),
    vectors: joined(
      vectors,
      vectors.reduce((sum, { length }) => sum + length, 0),
    ),
  };
}

function joined(parts: readonly Float32Array[], length: number): Float32Array {
  const all = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Vectors after maps that all of them go through, one after another. */
function mapVectors({ rows, vectors }: EmbeddingOutput, maps: readonly PlainLinear[]): EmbeddingOutput {
  let mapped = vectors;
  for (const map of maps) {
    const width = mapped.length / rows;
    const next = new Float32Array(rows * map.rows);
    for (let row = 0; row < rows; row++)
      next.set(applyLinear(map, mapped.subarray(row * width, (row + 1) * width)), row * map.rows);
    mapped = next;
  }
  return { rows, vectors: mapped };
}
