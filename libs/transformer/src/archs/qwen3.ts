import type { Architecture } from '../architecture/architecture.js';
import type { RopeSpec } from '../architecture/block-spec.js';
import type { RankOptions } from '../architecture/pooling.js';
import { queryKeyNorms } from '../architecture/parts.js';
import { sequentialOf } from '../architecture/sequential.js';

/*
 * Llama's blocks with norms of query and key heads, before the rotation or after it.
 */

const withHeadNorms = (
  name: string,
  families: string,
  rope: RopeSpec['style'],
  { rank, ...order }: { readonly normsAfterRotation?: boolean; readonly rank?: RankOptions } = {},
): Architecture => ({
  name,
  families,
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'rms',
      rope,
      rank,
      attention: (index, shape) => ({ ...queryKeyNorms(reader, 'rms', index, shape), ...order }),
    }),
});

/** Reranking models of this family have an output for yes and one for no; in files that were made as of any decoder these are rows of the output matrix. */
const rank: RankOptions = {
  softmax: true,
  answers: {
    tokens: ['yes', 'no'],
    template:
      '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n' +
      '<|im_start|>user\n<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n<Query>: {query}\n<Document>: {document}<|im_end|>\n' +
      '<|im_start|>assistant\n<think>\n\n</think>\n\n',
  },
};

export const qwen3 = withHeadNorms('qwen3', 'Qwen3, Qwen3 Embedding, Qwen3 Reranker', 'halves', { rank });

/** The text of Qwen3-VL; layers that images are added to are layers like others without an image. */
export const qwen3vl = withHeadNorms('qwen3vl', 'Qwen3-VL (text)', 'halves', { rank });

/** OpenELM: other counts of heads and another length of the feed-forward block in each layer. */
export const openelm = withHeadNorms('openelm', 'OpenELM', 'halves');

export const maincoder = withHeadNorms('maincoder', 'Maincoder', 'pairs', { normsAfterRotation: true });
