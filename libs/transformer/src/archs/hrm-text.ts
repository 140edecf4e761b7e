import type { Architecture } from '../architecture/architecture.js';
import type { LayerSpec, StreamStep } from '../architecture/model-spec.js';
import type { ModelReader } from '../architecture/model-reader.js';
import { decoderOf, outputGateOf, weightlessNorm } from '../architecture/parts.js';
import { sequentialLayerOf, type SequentialOptions } from '../architecture/sequential.js';

/** The slow state, which begins as the embeddings, and the fast one, which begins as a learned vector. */
const SLOW = 'slow state';
const FAST = 'fast state';

/**
 * HRM-Text (Wang et al., 2025): two stacks of layers, run over and over. In each cycle the fast stack runs several times and the slow one
 * once, each on the sum of both states, of which it renews its own. `block_count` counts the runs of layers; the file has each stack once.
 */
export const hrmText: Architecture = {
  name: 'hrm_text',
  families: 'HRM-Text',
  read: (reader) => {
    reader.excuseKeys('the reference runs the whole text causally', 'hrm.prefix_lm');
    const [depth, cycles, fastRuns] = ['layers_per_stack', 'h_cycles', 'l_cycles'].map((key) =>
      reader.count(`hrm.${key}`),
    );
    const count = reader.count('block_count');
    if (count !== depth * cycles * (fastRuns + 1))
      throw reader.invalid(
        `counts ${count} runs of layers, where ${cycles} cycles of ${fastRuns} and one runs of ${depth} layers are expected`,
      );
    const options: SequentialOptions = {
      norm: 'rms',
      rope: 'halves',
      weightless: true,
      attention: (block, shape) => ({ gate: outputGateOf(reader, block, shape) }),
    };
    return decoderOf(reader, {
      embedding: { scale: reader.optionalNumber('embedding_scale') || 1 },
      norm: 'rms',
      output: { norm: undefined },
      layer: (index) => {
        const run = Math.floor(index / depth);
        const runOfCycle = run % (fastRuns + 1);
        const isSlow = runOfCycle === fastRuns;
        const block = (index % depth) + (isSlow ? depth : 0);
        const layer = {
          ...sequentialLayerOf(reader, options, block),
          block,
          before: index % depth === 0 ? statesBefore(reader, run, runOfCycle) : undefined,
        };
        return (index + 1) % depth === 0 ? endOfStack(reader, layer, isSlow ? SLOW : FAST) : layer;
      },
    });
  },
};

/** The stream holds the state that was renewed last; the other one is added. */
function statesBefore(reader: ModelReader, run: number, runOfCycle: number): StreamStep[] {
  if (run === 0)
    return [
      { kind: 'keep', name: SLOW },
      { kind: 'shift', vector: reader.vector('hrm.z_l_init', reader.count('embedding_length')) },
    ];
  return [{ kind: 'recall', name: runOfCycle === 0 ? FAST : SLOW }];
}

/** What a stack gives is normalized, and kept as its state. */
function endOfStack(reader: ModelReader, layer: LayerSpec, state: string): LayerSpec {
  const feedForward = layer.feedForward && {
    ...layer.feedForward,
    norms: { ...layer.feedForward.norms, sum: weightlessNorm(reader, 'rms') },
  };
  return { ...layer, feedForward, after: [{ kind: 'keep', name: state }] };
}
