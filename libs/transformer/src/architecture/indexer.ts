import type { ModelReader } from './model-reader.js';

/*
 * Indexers choose the positions (or blocks of positions) that attention sees, the best of all that came before. Models that have one are run
 * with contexts in which it would choose all there are.
 */

/** What indexers are made of; another tensor is of a kind that is not known. */
const TENSORS = /\.indexer\.(proj|attn_k|attn_q_b|k_norm|k_proj|q_norm|q_proj)\.(weight|bias|scale)$/;

/** The key for how many are chosen: a limit of contexts, see Architecture. */
export const INDEXED = 'attention.indexer.top_k';

/**
 * Excuses the tensors of an indexer, where the file says how many positions it chooses.
 * @param limits the keys whose product that is
 */
export function withoutIndexer(reader: ModelReader, limits: readonly string[] = [INDEXED]): void {
  const isThere = reader.excuseTensors(
    'what chooses among positions, where there are no more than would be chosen',
    TENSORS,
  );
  if (isThere) for (const key of limits) reader.number(key);
}
