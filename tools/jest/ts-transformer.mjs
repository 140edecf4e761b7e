// ts-jest, with what it made kept for the whole process: Jest gives each project a transformer and a cache of its own, and most libraries
// are loaded by several projects.
import tsJest from 'ts-jest';

/** By file and kind of module: what it was made of, and what was made. */
const made = new Map();

function kept(source, file, { supportsStaticESM }, make) {
  const key = `${supportsStaticESM} ${file}`;
  let one = made.get(key);
  if (one?.source !== source) made.set(key, (one = { source, result: make() }));
  return one.result;
}

export default {
  createTransformer(options) {
    const transformer = tsJest.default.createTransformer(options);
    return {
      canInstrument: transformer.canInstrument,
      getCacheKey: transformer.getCacheKey,
      getCacheKeyAsync: transformer.getCacheKeyAsync,
      process: (source, file, context) => kept(source, file, context, () => transformer.process(source, file, context)),
      processAsync: (source, file, context) =>
        kept(source, file, context, () => transformer.processAsync(source, file, context)),
    };
  },
};
