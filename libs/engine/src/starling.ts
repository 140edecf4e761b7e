import { openGgufUrl } from '@starling/gguf';
import { loadTransformer, planMemory } from '@starling/transformer';
import { starlingLoader, type StarlingLoader } from './starling-loader.js';

/** Loads models from URLs and from bytes: what browsers get of `@starling/engine`. In Node the same import takes paths. */
export const Starling: StarlingLoader = starlingLoader({
  openFile: (url) => openGgufUrl(new URL(url, globalThis.location?.href)),
  loadRuntime: loadTransformer,
  planRuntime: planMemory,
  defaults: () => ({}),
});
