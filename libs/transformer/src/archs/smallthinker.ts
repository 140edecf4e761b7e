import type { Architecture } from '../architecture/architecture.js';
import { expertsOf } from '../architecture/experts.js';
import { windowedLayers } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** The first layer and every fourth after it know no positions (but in a model of only four layers); they also see everything, if the file says nothing else. */
const GLOBAL_PERIOD = 4;
/** Files that have windows have this one. */
const WINDOW = 4096;

/** SmallThinker: experts with relu, chosen by the stream before attention, so that they can be fetched meanwhile. */
export const smallthinker: Architecture = {
  name: 'smallthinker',
  families: 'SmallThinker',
  read: (reader) => {
    const hasWindows = (reader.optionalNumber('attention.sliding_window') ?? 0) > 0;
    const isWindowed = hasWindows ? windowedLayers(reader, GLOBAL_PERIOD, true) : () => false;
    const areAllRotated = !hasWindows || reader.count('block_count') === GLOBAL_PERIOD;
    return sequentialOf(reader, {
      norm: 'rms',
      attention: (index, { keyLength }) => {
        const base = isWindowed(index) ? reader.optionalNumber('rope.freq_base_swa') : undefined;
        return {
          rope:
            !areAllRotated && index % GLOBAL_PERIOD === 0
              ? undefined
              : ropeOf(reader, keyLength, { style: 'halves', base }),
          window: isWindowed(index) ? WINDOW : undefined,
        };
      },
      feedForward: (index, norms) =>
        expertsOf(reader, index, { norms, activation: 'relu', routedBy: { stream: 'layer' } }),
    });
  },
};
