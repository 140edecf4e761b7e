import { openGgufFile } from '@starling/gguf/node';
import { loadTransformer, planMemory } from '@starling/transformer/node';
import { nodeAside } from './aside/node-aside.node.js';
import { physicalMemoryBytes } from './physical-memory.node.js';
import { starlingLoader, type StarlingLoader } from './starling-loader.js';

/** Loads models from files and from bytes: what Node, Bun and Deno get of `@starling/engine`. In browsers the same import takes URLs. */
export const Starling: StarlingLoader = starlingLoader({
  openFile: openGgufFile,
  loadRuntime: loadTransformer,
  planRuntime: planMemory,
  defaults: (path) => ({
    memoryLimitBytes: physicalMemoryBytes(),
    ...(path !== undefined && { digestWeights: true, aside: nodeAside(path) }),
  }),
});
