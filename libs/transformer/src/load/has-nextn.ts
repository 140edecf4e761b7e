import type { GgufModel } from '@starling/gguf';

/** Architectures whose heads are put together as `load` does it; those of others are not used. */
const WITH_HEADS = new Set(['deepseek2', 'glm4moe', 'hy_v3', 'qwen3next', 'qwen35', 'qwen35moe']);

/** Whether a file has a head that predicts the token after the next one, of a kind that can be loaded beside the model (`part: 'nextn'`). */
export function hasNextn({
  architecture,
  metadata,
  tensors,
}: Pick<GgufModel, 'architecture' | 'metadata' | 'tensors'>): boolean {
  if (architecture === undefined || !WITH_HEADS.has(architecture)) return false;
  const count = (key: string): number => Number(metadata.get(`${architecture}.${key}`) ?? 0);
  const heads = count('nextn_predict_layers');
  return heads > 0 && tensors.has(`blk.${count('block_count') - heads}.nextn.eh_proj.weight`);
}
