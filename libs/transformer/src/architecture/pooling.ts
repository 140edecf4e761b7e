import { PackedStrings } from '@starling/core';
import type { Pooling } from '../runtime/model-runtime.js';
import type { LinearSpec, NormSpec } from './block-spec.js';
import type { ModelReader } from './model-reader.js';

/** The ways to pool by their number in files. */
const POOLINGS: readonly Pooling[] = ['none', 'mean', 'cls', 'last', 'rank'];

/** -1 in 32 bits without a sign. */
const NOT_SAID = 2 ** 32 - 1;

/** How the file wants rows to become one vector; undefined if it does not say. */
export function poolingOf(reader: ModelReader): Pooling | undefined {
  const type = reader.optionalNumber('pooling_type');
  // A negative number, also where it was written as an unsigned one, means that nothing was said.
  if (type === undefined || type < 0 || type === NOT_SAID) return undefined;
  const pooling = POOLINGS[type];
  if (pooling === undefined)
    throw reader.invalid(`has the pooling type ${type}, where one of 0 to ${POOLINGS.length - 1} is expected`);
  return pooling;
}

/** The head of a reranking model: output(norm(activation(dense x))) of one row of a text, or of their mean. */
export interface RankHeadSpec {
  readonly row: 'first' | 'last' | 'mean';
  readonly dense?: LinearSpec;
  readonly activation: 'tanh' | 'gelu';
  readonly norm?: NormSpec;
  readonly output?: LinearSpec;
  /** The rows of `output` that are used, in order. Without it all are. */
  readonly outputRows?: readonly number[];
  readonly softmax: boolean;
  /** What a query and a document are put into where the file has no template for it. */
  readonly template?: string;
}

/** What an architecture says about its reranking models. */
export interface RankOptions extends Partial<Omit<RankHeadSpec, 'outputRows' | 'template'>> {
  /** Files of such models without a head: a decoder is asked with a template, and what it would answer scores. */
  readonly answers?: { readonly tokens: readonly string[]; readonly template: string };
}

/** The head in `cls` and `cls.output`, if the file has one or both. Decoders see the whole text at its end only. */
export function rankHeadOf(
  reader: ModelReader,
  causal: boolean,
  { answers, ...options }: RankOptions = {},
): RankHeadSpec | undefined {
  if (!reader.has('cls.weight') && !reader.has('cls.output.weight')) return answers && answeringHeadOf(reader, answers);
  const width = reader.count('embedding_length');
  const linear = (name: string, columns: number): LinearSpec | undefined => {
    if (!reader.has(`${name}.weight`)) return undefined;
    return reader.linear(name, reader.table(`${name}.weight`, columns).rowCount, columns);
  };
  const dense = linear('cls', width);
  return {
    row: causal ? 'last' : 'first',
    dense,
    activation: 'tanh',
    output: linear('cls.output', dense?.rows ?? width),
    softmax: false,
    ...options,
  };
}

/** Of a file that is a reranking model by what it says of itself: the rows of its output matrix for what it may answer. */
function answeringHeadOf(
  reader: ModelReader,
  { tokens, template }: NonNullable<RankOptions['answers']>,
): RankHeadSpec | undefined {
  const names = ['general.name', 'general.basename', 'general.finetune'].map((key) => reader.metadata(key));
  const vocabulary = reader.metadata('tokenizer.ggml.tokens');
  if (poolingOf(reader) !== 'rank' && !names.some((name) => typeof name === 'string' && /rerank/i.test(name)))
    return undefined;
  if (!(vocabulary instanceof PackedStrings)) return undefined;
  const all = vocabulary.toArray();
  const outputRows = tokens.map((token) => all.indexOf(token));
  if (outputRows.includes(-1)) return undefined;
  const width = reader.count('embedding_length');
  const name = reader.has('output.weight') ? 'output' : 'token_embd';
  const output = reader.linear(name, reader.table(`${name}.weight`, width).rowCount, width);
  if (outputRows.some((row) => row >= output.rows)) return undefined;
  return { row: 'last', activation: 'tanh', output, outputRows, softmax: true, template };
}

/** The maps in `dense_2` and `dense_3`, which pooled vectors go through if the file has them. */
export function poolMapsOf(reader: ModelReader): LinearSpec[] {
  let width = reader.count('embedding_length');
  return ['dense_2', 'dense_3'].flatMap((name): LinearSpec[] => {
    if (!reader.has(`${name}.weight`)) return [];
    const map = reader.linear(
      name,
      reader.table(
        `${name}.weight`,
        reader.optionalCount(`${name}_feat_in`) ?? width,
        reader.optionalCount(`${name}_feat_out`),
      ).rowCount,
      width,
    );
    width = map.rows;
    return [map];
  });
}
