import type { Architecture } from '../architecture/architecture.js';
import type { AdjugateSpec } from '../architecture/block-spec.js';
import { expertsOf } from '../architecture/experts.js';
import type { ModelReader } from '../architecture/model-reader.js';
import { queryKeyNorms } from '../architecture/parts.js';
import { sequentialOf } from '../architecture/sequential.js';

/** GroveMoE: Qwen3 with experts, and with second experts that groups of them share. */
export const grovemoe: Architecture = {
  name: 'grovemoe',
  families: 'GroveMoE',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'rms',
      rope: 'halves',
      attention: (index, shape) => queryKeyNorms(reader, 'rms', index, shape),
      feedForward: (index, norms) => expertsOf(reader, index, { norms, adjugate: adjugateOf(reader, index) }),
    }),
};

function adjugateOf(reader: ModelReader, layer: number): AdjugateSpec {
  const width = reader.count('embedding_length');
  const experts = reader.count('expert_count');
  const count = experts / reader.count('experts_per_group');
  if (!Number.isInteger(count))
    throw reader.invalid(
      `has ${experts} experts in groups of ${reader.count('experts_per_group')}, which do not divide`,
    );
  const block = `blk.${layer}`;
  const { rowLength: length } = reader.vector(`${block}.ffn_down_chexps.weight`);
  return {
    count,
    used: Math.min(count, reader.count('expert_used_count', layer)),
    input: {
      kind: 'gated',
      gate: reader.experts(`${block}.ffn_gate_chexps`, count, length, width),
      up: reader.experts(`${block}.ffn_up_chexps`, count, length, width),
    },
    down: reader.experts(`${block}.ffn_down_chexps`, count, width, length),
    scale: reader.number('expert_group_scale'),
  };
}
