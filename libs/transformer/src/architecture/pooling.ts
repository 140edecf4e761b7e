import type { Pooling } from '../runtime/model-runtime.js';
import type { LinearSpec } from './block-spec.js';
import type { ModelReader } from './model-reader.js';

/** The ways to pool by their number in files. */
const POOLINGS: readonly Pooling[] = ['none', 'mean', 'cls', 'last', 'rank'];

/** How the file wants rows to become one vector; undefined if it does not say. */
export function poolingOf(reader: ModelReader): Pooling | undefined {
  const type = reader.optionalNumber('pooling_type');
  // A negative number means that nothing was said.
  if (type === undefined || type < 0) return undefined;
  const pooling = POOLINGS[type];
  if (pooling === undefined) throw reader.invalid(`has the pooling type ${type}, where one of 0 to ${POOLINGS.length - 1} is expected`);
  return pooling;
}

/** The head of a reranking model: output(tanh(dense x)) of one row of a text. */
export interface RankHeadSpec {
  readonly row: 'first' | 'last';
  readonly dense?: LinearSpec;
  readonly output?: LinearSpec;
  readonly softmax: boolean;
}

/**
 * The head in `cls` and `cls.output`, if the file has one or both. Decoders, which see the whole text at its end only, give the score as the
 * probability of the first of their outputs.
 */
export function rankHeadOf(reader: ModelReader, causal: boolean): RankHeadSpec | undefined {
  if (!reader.has('cls.weight') && !reader.has('cls.output.weight')) return undefined;
  const width = reader.count('embedding_length');
  const linear = (name: string, columns: number): LinearSpec | undefined => {
    if (!reader.has(`${name}.weight`)) return undefined;
    return reader.linear(name, reader.table(`${name}.weight`, columns).rowCount, columns);
  };
  const dense = linear('cls', width);
  return { row: causal ? 'last' : 'first', dense, output: linear('cls.output', dense?.rows ?? width), softmax: causal };
}
