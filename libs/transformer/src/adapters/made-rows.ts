import { StarlingError } from '@starling/core';
import type { TensorInfo, TensorTypeName } from '@starling/gguf';
import type { MadeRows, MadeValues } from '../graph/weights.js';
import { readFloats } from '../load/read-floats.js';
import type { Adapter } from './adapter.js';
import type { AdapterPart, LayerDirection } from './adapter-set.js';

/** Types that are kept as they are if all parts have the same. */
const KEPT: readonly TensorTypeName[] = ['F16', 'BF16'];

/** First matrices of all parts, one below the other: (rank, columns), with rows of zeros where segments are filled up. */
export function stackedRows(parts: readonly AdapterPart[], columns: number): MadeRows {
  return {
    type: commonType(parts.map(({ down }) => down)),
    async read(index, from, to) {
      const values = new Float32Array((to - from) * columns);
      for (const { adapter, down, rank, first } of parts) {
        const [begin, end] = [Math.max(from, first), Math.min(to, first + rank)];
        if (begin >= end) continue;
        values.set(
          await readFinite(adapter, down, index * rank + begin - first, index * rank + end - first),
          (begin - from) * columns,
        );
      }
      return values;
    },
  };
}

/** Matrices (rows, rank) of all parts, one beside the other, with columns of zeros where segments are filled up. */
export function joinedRows(parts: readonly AdapterPart[], side: 'down' | 'up', rows: number, length: number): MadeRows {
  return {
    type: commonType(parts.map((part) => part[side])),
    async read(index, from, to) {
      const values = new Float32Array((to - from) * length);
      for (const part of parts) {
        const { adapter, rank, first } = part;
        const read = await readFinite(adapter, part[side], index * rows + from, index * rows + to);
        for (let row = 0; row < to - from; row++)
          values.set(read.subarray(row * rank, (row + 1) * rank), row * length + first);
      }
      return values;
    },
  };
}

/** (directions, width) */
export function directionRows(directions: readonly LayerDirection[], width: number): MadeValues {
  return {
    async read() {
      const values = new Float32Array(directions.length * width);
      for (const [i, { adapter, tensor }] of directions.entries())
        values.set(await readFinite(adapter, tensor, 0, 1), i * width);
      return values;
    },
  };
}

function commonType([first, ...others]: readonly TensorInfo[]): TensorTypeName {
  const { name } = first.type;
  return KEPT.includes(name) && others.every(({ type }) => type.name === name) ? name : 'F32';
}

/** An adapter that is not chosen counts as zero, which infinity times zero is not. */
async function readFinite({ file }: Adapter, tensor: TensorInfo, from: number, to: number): Promise<Float32Array> {
  const values = await readFloats(file, tensor, from, to);
  if (!values.every(Number.isFinite))
    throw new StarlingError(
      'invalid_model_file',
      `'${file.name}' has values in '${tensor.name}' that are no finite numbers.`,
      { details: { file: file.name, tensor: tensor.name } },
    );
  return values;
}
