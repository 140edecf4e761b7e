import type { Architecture } from '../architecture/architecture.js';
import { plainOf } from '../architecture/feed-forward.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { ModelSpec } from '../architecture/model-spec.js';
import { sequentialOf } from '../architecture/sequential.js';

/** GPT-2: learned positions, norms and projections with biases, GELU without a gate. */
export const gpt2: Architecture = {
  name: 'gpt2',
  families: 'GPT-2 and those of its form',
  read: (reader) => {
    reader.excuseTensors(
      'the reference scales the maps of attention alone in this architecture',
      /\.ffn_(up|down)\.scale$/,
    );
    return readGpt2(reader);
  },
};

/** StarCoder: the same, with one head of keys and values for all queries. */
export const starcoder: Architecture = { name: 'starcoder', families: 'StarCoder', read: (reader) => readGpt2(reader) };

function readGpt2(reader: ModelReader): ModelSpec {
  return sequentialOf(reader, {
    embedding: { positions: reader.table('position_embd.weight', reader.count('embedding_length')) },
    norm: 'layer',
    feedForward: (index, norms) => plainOf(reader, index, norms, 'gelu'),
  });
}
