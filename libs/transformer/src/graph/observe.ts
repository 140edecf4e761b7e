import type { TensorInfo } from '@starling/gguf';
import type { Placed, Task } from '@starling/kernels';
import { sumSquares, sumSquaresUnits } from '@starling/kernels/internal';
import type { Graph } from './graph.js';
import type { Rows } from './rows.js';

/** Matrices of one tensor, and where the rows of each begin. */
interface Grouped {
  readonly count: number;
  readonly firstRows: Placed;
}

/**
 * A task beside a product that sums the squares of its input by column; none unless the model is loaded to be observed.
 * @param input rows of floats: each of `columns` of the tensor
 */
export function observe(graph: Graph, tensor: TensorInfo, columns: number, input: Rows, grouped?: Grouped): Task[] {
  if (!graph.options.observed) return [];
  const matrices = grouped?.count ?? 1;
  const floats = matrices * (columns + 1);
  const place = graph.vector(`observed ${tensor.name}`, { read: async () => new Float32Array(floats) }, 4 * floats);
  graph.observations.push({ tensor: tensor.name, matrices, columns, home: graph.home, place });
  const call = sumSquares({
    input: input.at,
    inputStride: input.stride,
    columns,
    rows: graph.step.part(input.buffer.kind),
    firstRows: grouped?.firstRows,
    sums: place,
    counts: {
      get address() {
        return place.address + 4 * matrices * columns;
      },
    },
  });
  return [{ per: 'one', factor: matrices * sumSquaresUnits(columns), chunk: 1, calls: [call] }];
}
