import { StarlingError } from '@starling/core';
import { openGgufUrl } from '@starling/gguf';
import { loadTransformer, planMemory } from '@starling/transformer';
import { starlingLoader, type StarlingLoader } from './starling-loader.js';

/** Loads models from URLs and from bytes: what browsers get of `@starling/engine`. In Node the same import takes paths. */
export const Starling: StarlingLoader = starlingLoader({
  openFile: async (url) => openGgufUrl(absoluteUrl(url)),
  loadRuntime: loadTransformer,
  planRuntime: planMemory,
  defaults: () => ({}),
});

/** An address from where the page lies. @throws StarlingError invalid_argument for what is none */
function absoluteUrl(url: string): URL {
  const page = globalThis.location?.href;
  try {
    return new URL(url, page);
  } catch (cause) {
    throw new StarlingError(
      'invalid_argument',
      `${JSON.stringify(url)} is no URL${page === undefined ? '' : `, and none from ${page}`}: expected one of a GGUF file, as https://host/model.gguf; for paths of files import @starling/engine in Node, Bun or Deno`,
      { details: { received: url }, cause },
    );
  }
}
