// fast-check as the tests see it: the same draws in every run, so that a change is judged by what it changes. New draws come with the
// nightly run (`npm run test:nightly`), or with STARLING_SEED=NUMBER; a failure names its seed and path as ever.
import fc from '../../node_modules/fast-check/lib/fast-check.js';

fc.configureGlobal({ seed: Number(process.env.STARLING_SEED ?? 1) });

export * from '../../node_modules/fast-check/lib/fast-check.js';
export default fc;
