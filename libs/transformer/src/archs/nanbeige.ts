import type { Architecture } from '../architecture/architecture.js';
import type { LayerSpec, ModelSpec } from '../architecture/model-spec.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Nanbeige: Llama's layers, all of them run several times over, with the final norm between the rounds. */
export const nanbeige: Architecture = {
  name: 'nanbeige',
  families: 'Nanbeige',
  read: (reader) => {
    const spec = sequentialOf(reader, { norm: 'rms', rope: 'pairs', factors: 'one' });
    const rounds = reader.optionalCount('num_loops') ?? 1;
    const isNormed = !(reader.boolean('skip_loop_final_norm') ?? false);
    return rounds === 1 ? spec : { ...spec, layers: repeated(spec, rounds, isNormed) };
  },
};

/** Each round keeps keys and values of its own. */
function repeated({ layers, output }: ModelSpec, rounds: number, isNormed: boolean): LayerSpec[] {
  const round = layers.map((layer, block) => ({ ...layer, block }));
  const last = round[round.length - 1];
  const between =
    isNormed && last.feedForward
      ? { ...last, feedForward: { ...last.feedForward, norms: { ...last.feedForward.norms, sum: output.norm } } }
      : last;
  return Array.from({ length: rounds }, (_, index) =>
    index < rounds - 1 ? [...round.slice(0, -1), between] : round,
  ).flat();
}
