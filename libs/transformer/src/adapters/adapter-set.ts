import { alignUp, StarlingError } from '@starling/core';
import type { TensorInfo } from '@starling/gguf';
import type { Adapter, LoraPair } from './adapter.js';

/** Columns that segments begin at a multiple of: those of a vector. */
export const SEGMENT_COLUMNS = 4;

/** Where an adapter's part of the rows between its two matrices lies, side by side with those of others. */
export interface AdapterPart extends LoraPair {
  readonly adapter: Adapter;
  /** Number of the adapter. */
  readonly index: number;
  readonly first: number;
}

/** All that adapters have beside one matrix. */
export interface AdapterParts {
  readonly parts: readonly AdapterPart[];
  /** Length of the rows between: each part's rank, rounded up to whole vectors. */
  readonly rank: number;
}

/** A direction of one layer. */
export interface LayerDirection {
  readonly adapter: Adapter;
  readonly index: number;
  readonly tensor: TensorInfo;
}

/** What a matrix, or each of several experts', is. */
export interface MatrixShape {
  readonly rows: number;
  readonly columns: number;
  readonly count: number;
}

/** The name of the table whose rows are looked up: there the first matrix of a pair is looked up too. */
const TABLE = 'token_embd.weight';

/** The adapters of a model, asked by its parts for what concerns them. What nobody has asked for is what the model has no place for. */
export class AdapterSet {
  readonly #asked = new Set<string>();

  constructor(readonly adapters: readonly Adapter[]) {}

  /** What is beside a matrix that rows are multiplied with. @throws StarlingError `unsupported_model` if it is of another shape */
  besideMatrix(tensor: TensorInfo, shape: MatrixShape): AdapterParts | undefined {
    return tensor.name === TABLE ? undefined : this.#beside(tensor.name, shape);
  }

  /** What is beside the embedding table. */
  besideTable(tensor: TensorInfo, rows: number, columns: number): AdapterParts | undefined {
    return this.#beside(tensor.name, { rows: columns, columns: rows, count: 1 });
  }

  /** Directions for the stream after a layer. */
  after(layer: number, width: number): LayerDirection[] {
    return this.adapters.flatMap((adapter, index): LayerDirection[] => {
      const tensor = adapter.kind === 'controlVector' ? adapter.directions.get(layer) : undefined;
      if (!tensor) return [];
      if (tensor.rowLength !== width || tensor.rowCount !== 1) throw misfit(adapter, tensor, `[${width}]`);
      this.#asked.add(tensor.name);
      return [{ adapter, index, tensor }];
    });
  }

  /** @throws StarlingError `unsupported_model` naming what an adapter has for a tensor or a layer that the model does not apply adapters to */
  checkAllAsked(): void {
    for (const adapter of this.adapters) {
      const targets =
        adapter.kind === 'lora'
          ? [...adapter.pairs.keys()]
          : Array.from(adapter.directions.values(), ({ name }) => name);
      const strange = targets.find((name) => !this.#asked.has(name));
      if (strange === undefined) continue;
      throw new StarlingError(
        'unsupported_model',
        `The adapter '${adapter.file.name}' is for '${strange}', which the model does not have or does not multiply by: it may be for another model.`,
        {
          details: { file: adapter.file.name, tensor: strange },
        },
      );
    }
  }

  #beside(name: string, { rows, columns, count }: MatrixShape): AdapterParts | undefined {
    let rank = 0;
    const parts = this.adapters.flatMap((adapter, index): AdapterPart[] => {
      const pair = adapter.kind === 'lora' ? adapter.pairs.get(name) : undefined;
      if (!pair) return [];
      const { down, up } = pair;
      const isTable = name === TABLE;
      const [downLength, downRows] = isTable ? [pair.rank, columns] : [columns, pair.rank];
      if (down.rowLength !== downLength || down.rowCount !== downRows * count)
        throw misfit(adapter, down, shown(downLength, downRows, count));
      if (up.rowCount !== rows * count) throw misfit(adapter, up, shown(pair.rank, rows, count));
      const first = rank;
      rank += alignUp(pair.rank, SEGMENT_COLUMNS);
      return [{ ...pair, adapter, index, first }];
    });
    this.#asked.add(name);
    return parts.length > 0 ? { parts, rank } : undefined;
  }
}

const shown = (length: number, rows: number, count: number): string =>
  `[${[length, rows, ...(count > 1 ? [count] : [])].join(', ')}]`;

function misfit(adapter: Adapter, tensor: TensorInfo, expected: string): StarlingError {
  return new StarlingError(
    'unsupported_model',
    `The adapter '${adapter.file.name}' has '${tensor.name}' of shape [${tensor.shape.join(', ')}], where the model needs ${expected}: it is for another model.`,
    {
      details: { file: adapter.file.name, tensor: tensor.name },
    },
  );
}
