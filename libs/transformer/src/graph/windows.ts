import type { AttentionSpec } from '../architecture/block-spec.js';
import type { ModelSpec } from '../architecture/model-spec.js';

/** What of a model sees no further back than a window. */
export interface Windows {
  /** Owners of the pages of such layers, see `Graph.pages`. */
  readonly owners: ReadonlySet<object>;
  /** The widest of the windows, in positions. */
  readonly window: number;
}

/**
 * The layers whose pages may be given back once they have slid out of the window: of causal models without recurrent state, those whose own
 * attention and that of all layers which share their pages has a window. Undefined if there are none.
 */
export function windowsOf({ causal, encoder, layers }: ModelSpec): Windows | undefined {
  if (!causal || encoder !== undefined) return undefined;
  const owners = new Set<object>();
  const wholly = new Set<object>();
  let window = 0;
  for (const mixer of layers.flatMap(({ leading, mixer: own }) => [leading, own])) {
    if (mixer === undefined || mixer.kind === 'linear') continue;
    if (mixer.kind !== 'attention') return undefined;
    const owner = ownerOf(mixer);
    owners.add(owner);
    if (mixer.window === undefined) wholly.add(owner);
    else window = Math.max(window, mixer.window);
  }
  for (const owner of wholly) owners.delete(owner);
  return owners.size === 0 ? undefined : { owners, window };
}

const ownerOf = (spec: AttentionSpec): AttentionSpec =>
  spec.projection.kind === 'queries' ? spec.projection.pagesOf : (spec.borrows ?? spec);
