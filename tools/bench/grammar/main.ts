import { compileJsonSchema, GrammarIndex, GrammarMatcher, maskAllows, type Grammar } from '@starling/grammar';
import { tokenize } from '../../../libs/grammar/src/match/fake-vocabulary.test-support.js';
import { llamaVocabulary } from '../../../libs/grammar/src/match/llama-vocabulary.test-support.js';
import { SCHEMAS } from '../../../libs/grammar/test/schema-cases/request-schemas.js';

/**
 * What a schema costs per token on a vocabulary of 128,256 tokens, in milliseconds: compiling it, the first mask, and per step of a
 * valid value the token test alone (the usual path) and a full mask (when the sampled token did not fit), the first time and again.
 * `freeStep` is the yardstick of the same run: a step that reads and clears as many mask words as a mask has.
 */
const REPEATS = 5;

interface Times {
  readonly median: number;
  readonly p90: number;
  readonly max: number;
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function summary(times: number[]): Times {
  const sorted = times.slice().sort((a, b) => a - b);
  return {
    median: round(sorted[sorted.length >> 1]),
    p90: round(sorted[Math.floor(sorted.length * 0.9)]),
    max: round(sorted[sorted.length - 1]),
  };
}

function timed<T>(make: () => T): [T, number] {
  const start = performance.now();
  const made = make();
  return [made, performance.now() - start];
}

function steps(grammar: Grammar, index: GrammarIndex, ids: readonly number[], withMask: boolean): number[] {
  const matcher = new GrammarMatcher(grammar, index);
  return ids.map((id) => {
    const start = performance.now();
    if (withMask ? !maskAllows(matcher.mask(), id) : !matcher.accepts(id)) console.error(`token ${id} is not allowed`);
    matcher.advance(id);
    return performance.now() - start;
  });
}

const [index, indexMs] = timed(() => new GrammarIndex(llamaVocabulary()));
const [left, right] = [new Uint32Array(index.endWords.length), new Uint32Array(index.endWords.length)];
const freeStep = summary(
  Array.from({ length: 200 }, () => timed(() => left.forEach((word, i) => (right[i] = word))).at(1) as number),
);
const results: Record<string, unknown> = {
  indexMs: round(indexMs),
  nodes: index.trie.bytes.length,
  freeStep: freeStep.median,
};
for (const [name, { schema, value }] of Object.entries(SCHEMAS)) {
  const [grammar, compileMs] = timed(() => compileJsonSchema(schema));
  const [, firstMaskMs] = timed(() => new GrammarMatcher(grammar, index).mask());
  const ids = tokenize(index, JSON.stringify(value));
  const accepted = steps(grammar, index, ids, false);
  const cold = steps(grammar, index, ids, true);
  const warm = Array.from({ length: REPEATS }, () => steps(grammar, index, ids, true)).flat();
  results[name] = {
    tokens: ids.length,
    compileMs: round(compileMs),
    firstMaskMs: round(firstMaskMs),
    accept: summary(accepted),
    coldMask: summary(cold),
    warmMask: summary(warm),
  };
}
console.log(JSON.stringify(results, null, 2));
