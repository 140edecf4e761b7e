import type { Architecture } from '../architecture/architecture.js';
import { sequentialOf } from '../architecture/sequential.js';

/** GLM-4: norms before and after each block, gate and up in one matrix, part of a head rotated. */
export const glm4: Architecture = {
  name: 'glm4',
  families: 'GLM-4 0414, GLM-Z1',
  read: (reader) => {
    // Files for images name sections of the rotation; for text all of them turn by the same position, as halves.
    const sections = reader.array('rope.dimension_sections');
    const rope = sections && sections[0] > 0 && sections[1] > 0 ? 'halves' : 'pairs';
    return sequentialOf(reader, {
      norm: 'rms',
      rope,
      outputNorms: { attention: 'post_attention_norm', feedForward: 'post_ffw_norm' },
    });
  },
};
